"""The accountability report: what the system is, what it can do and cannot, what for, and how often it errs.

Its parts are those of Washington's RCW 43.386.020; they are what anybody would ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from regard.accountability.profiles.catalogue import of_tags
from regard.accountability.profiles.rules import Rules
from regard.accountability.reports.collection_rules import collection_rules
from regard.accountability.reports.curves import measured
from regard.accountability.reports.report import Block, Facts, Listing, Notice, Paragraph, Report, Section, day
from regard.accountability.reports.system import System, demands, models, product, rules_listing, said
from regard.domain.evaluations import Evaluation
from regard.domain.galleries import Collection

CAPABILITIES = (
    "It finds faces in photographs, turns each into a list of numbers (an embedding), and compares those lists. A "
    "search returns faces of a collection whose numbers are alike, the most alike first, with a similarity from 0 to "
    "100. It compares; it does not recognise, and does not know whether the person who is sought is in the collection."
)
LIMITS = (
    "Every search can return people who only look alike, and the more often the larger the collection is. Poor light, "
    "small or turned faces, age, and what covers a face make both kinds of error more frequent; relatives and twins "
    "are taken for one another. Errors differ between groups of people, which is why they are measured by group, below."
)


def accountability_report(
    system: System,
    sizes: list[tuple[Collection, int]],
    held: Mapping[str, Rules],
    evaluations: list[Evaluation],
    now: datetime,
) -> Report:
    """`sizes` are all collections with their number of faces, `held` what holds in each, by its name; `evaluations` the
    newest of each face model in use."""
    return Report(
        name="accountability-report",
        title="Accountability report",
        subtitle=f"{system.named}. Facial recognition with Regard, {day(now)}. To be updated every two years at least.",
        made_at=now,
        sections=[
            Section("The system", [product(system), models(system)]),
            Section("What it can do, and what it cannot", [Paragraph(CAPABILITIES), Paragraph(LIMITS)]),
            Section("What it is used for", [_use(system)]),
            Section("Data", [Paragraph(_DATA), _databases(sizes, held)]),
            Section("Rules", [rules_listing(system.rules), *collection_rules(system.rules, held)]),
            Section("How long what is kept", [_retention(system)]),
            Section("How often it errs", _errors(evaluations)),
            Section(
                "Questions, objections, corrections", [Paragraph(said(system.contact, "contact")), Paragraph(_ASK)]
            ),
        ],
        data=_data(system, sizes, evaluations),
    )


_DATA = (
    "Of each enrolled picture it keeps the embedding of each face, where the face was, and the names that the operator "
    "gave; of a searched picture nothing but a hash, unless the profile has candidates reviewed: then the two faces "
    "that are compared are kept, encrypted, with the case. Of people in a picture who are not enrolled nothing is kept."
)
_ASK = (
    "Anybody may ask whether pictures of theirs are enrolled, whether a search returned them, and have unlawful ones "
    "erased; the operator answers with `regard subject`."
)


def _use(system: System) -> Facts:
    purposes = system.rules.authorisation.purposes
    return Facts(
        [
            ("Purpose", said(system.purpose, "purpose")),
            ("Purposes that an authorisation may name", ", ".join(purposes) or "any"),
            ("Never for", ", ".join(system.rules.authorisation.forbidden_purposes) or "no purpose is forbidden"),
            ("The decision that is made with it", said(system.decision, "decision")),
            ("Assessment", said(system.assessment, "assessment")),
        ]
    )


def _databases(sizes: list[tuple[Collection, int]], held: Mapping[str, Rules]) -> Listing:
    return Listing(
        "Collections",
        ("Collection", "Faces", "Face model", "Since", "Profile"),
        [(each.id, f"{count:,}", each.face_model, day(each.created_at), held[each.id].title) for each, count in sizes],
        "There is none.",
    )


def _retention(system: System) -> Block:
    rows = [(name.removeprefix("retention."), words) for name, words in demands(system.rules) if "retention." in name]
    return (
        Facts([(name.replace("_", " "), words) for name, words in rows])
        if rows
        else Notice("The profile ends nothing by itself: what is kept is kept until somebody deletes it.")
    )


def _errors(evaluations: list[Evaluation]) -> list[Block]:
    claims = Paragraph(
        "The similarity is calibrated by the makers of this software on press photographs: of pairs of "
        "different people, one in ten thousand reaches 80, one in a hundred thousand 90, one in a million 99. What "
        "counts is what was measured here:"
    )
    found = [block for each in evaluations for block in measured(each)]
    return [claims, *(found or measured(None))]


def _data(system: System, sizes: list[tuple[Collection, int]], evaluations: list[Evaluation]) -> dict[str, Any]:
    return {
        "name": "Regard",
        "vendor": "The Regard project",
        "version": system.version,
        "run_by": system.agency,
        "purpose": system.purpose,
        "decision": system.decision,
        "assessment": system.assessment,
        "contact": system.contact,
        "profile": system.rules.content,
        "profile_sha256": system.rules.sha256,
        "models": list(system.models),
        "collections": [
            {
                "id": each.id,
                "faces": count,
                "face_model": each.face_model,
                "profile": of_tags(each.tags, system.rules).name,
            }
            for each, count in sizes
        ],
        "evaluations": evaluations,
    }
