"""The case report: all that somebody who defends a person must be given to examine how a search came to name them.

Its headings are the items of *State v. Arteaga*, 476 N.J. Super. 36 (App. Div. 2023), as they were recalled, not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regard.accountability.cases import CaseFile
from regard.accountability.reports.curves import measured
from regard.accountability.reports.report import (
    LEAD,
    SUPPORT,
    Block,
    Facts,
    Listing,
    Notice,
    Paragraph,
    Photograph,
    Photographs,
    Report,
    Section,
    day,
    moment,
)
from regard.accountability.reports.system import System, models, product, rules_listing
from regard.accountability.sealed_pictures import CANDIDATE
from regard.domain.authorisations import Authorisation
from regard.domain.cases import CaseState, RankedCandidate, Search
from regard.domain.chances import how_rarely, plain
from regard.domain.evaluations import Evaluation
from regard.domain.people import Training

SCALE = (
    "The similarity, 0 to 100, stands for how rarely two different people look so much alike to the model: 80 for one "
    "pair in ten thousand, 90 for one in a hundred thousand, 99 for one in a million, as calibrated on press "
    "photographs. It is not the probability that two pictures show one person, and says nothing of how good the "
    "pictures are. Among N faces, N times as many false candidates are to be expected as in one comparison."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """A case with all that is known of it. `ranked` holds the candidates of each search, in their order; `others` are
    further searches under the same authorisation; `entries` the numbers of the ledger's entries about it."""

    file: CaseFile
    ranked: Mapping[str, Sequence[RankedCandidate]]
    pictures: Mapping[tuple[str, int], bytes]
    authorisation: Authorisation | None
    others: Sequence[Search]
    names: Mapping[str, str]
    trainings: Mapping[str, Sequence[Training]]
    evaluation: Evaluation | None
    entries: Sequence[int]

    def name(self, person_id: str | None) -> str:
        return "–" if person_id is None else self.names.get(person_id, person_id)

    @property
    def decided(self) -> bool:
        return self.file.case.state is not CaseState.OPEN


def case_report(system: System, record: CaseRecord, now: datetime) -> Report:
    case = record.file.case
    return Report(
        name=f"case-report-{case.id}",
        title=f"Case report {case.id}",
        subtitle=f"{system.named}. Everything that is recorded of this use of facial recognition, {day(now)}.",
        made_at=now,
        notices=(LEAD, SUPPORT),
        sections=[
            Section("The case", [_case(record), *_authorised(record)]),
            Section("1–3. The tool, its maker, its version and its source", [product(system), models(system)]),
            Section("4. What it compares", [Paragraph(_FEATURES)]),
            Section("5 and 6. Error rates, and who measured them", measured(record.evaluation)),
            Section("7. What its scores mean", [Paragraph(SCALE)]),
            Section("8. Every candidate of every search, in order", list(_searches(record))),
            Section("9. The database that was searched", [_database(record)]),
            Section("10 to 12. The pictures", [_probes(record), *_pictures(record)]),
            Section("13. Who compared them, what they noted, and their training", list(_reviews(record))),
            Section("What else supports it", [_support(record)]),
            Section("Other searches under the same authorisation", [_others(record)]),
            Section("The rules of the time", [rules_listing(system.rules)]),
            Section("Proof", [_proof(record)]),
        ],
        data=_data(record, system),
        evidence=True,
    )


_FEATURES = (
    "A neural network finds the face, another turns it, cut out and made upright, into a list of numbers, its "
    "embedding. Nothing on the face is named or measured, and no one can say which feature made two faces alike: only "
    "how alike their numbers are (the cosine of the angle between them)."
)


def _case(record: CaseRecord) -> Facts:
    case = record.file.case
    return Facts(
        [
            ("Case", case.id),
            ("State", case.state),
            ("Opened", f"{moment(case.opened_at)}, by {record.name(case.opened_by)}"),
            ("Decided", moment(case.decided_at)),
            ("Profile", case.profile),
            ("People who must agree", f"{case.reviews_needed}"),
            ("Erased on", moment(case.purged_at) if case.purged_at else f"due {moment(case.purge_after)}"),
        ]
    )


def _authorised(record: CaseRecord) -> list[Block]:
    found = record.authorisation
    if found is None:
        return [Notice("No authorisation is recorded for this case.")]
    behalf = found.on_behalf_of
    for_whom = "its own" if behalf is None else f"{behalf.person}, {behalf.agency}"
    request = "" if behalf is None or not behalf.request_sha256 else f", request with SHA-256 {behalf.request_sha256}"
    return [
        Facts(
            [
                ("Authorisation", f"{found.id} ({found.kind}, {found.state})"),
                ("Purpose and offence", f"{found.purpose}; {found.offence or 'no offence is named'}"),
                ("Basis", found.basis),
                ("Its document", found.document_sha256 or "none"),
                ("Requester's declaration", found.declaration or "none"),
                ("Requested", f"{moment(found.requested_at)}, by {record.name(found.requested_by)}"),
                ("Decided", f"{moment(found.decided_at)}, by {record.name(found.decided_by)}"),
                ("Valid", f"{moment(found.starts_at)} to {moment(found.ends_at)}"),
                ("Searched for", f"{for_whom}{request}"),
            ]
        )
    ]


def _searches(record: CaseRecord) -> Iterator[Block]:
    states = {each.number: str(each.state) for each in record.file.candidates}
    for each in record.file.searches:
        yield Facts(search_facts(each, record.name(each.person_id)))
        ranked = record.ranked.get(each.id, ())
        rows = [
            (
                f"{candidate.rank}",
                f"{candidate.similarity:.2f}",
                f"{candidate.number}",
                candidate.face_id,
                candidate.user_id or candidate.external_image_id or "–",
                states.get(candidate.number, "–"),
            )
            for candidate in ranked
        ]
        columns = ("Rank", "Similarity", "Number in the case", "Face", "Known as", "Decided")
        yield Listing("Candidates, the most alike first", columns, rows, "This search returned nobody.")


def search_facts(each: Search, searcher: str) -> list[tuple[str, str]]:
    utility = each.probe_edits.get("utility")
    return [
        ("Search", f"{each.id}, {each.operation}, {moment(each.searched_at)}, by {searcher}"),
        ("Collection and its size then (N)", f"{each.collection}: {each.gallery_size:,} faces"),
        ("Face model and threshold", f"{each.face_model}, similarity {each.threshold:g} or more"),
        ("False candidates to expect by chance", f"{plain(each.expected_false)}{how_rarely(each.expected_false)}"),
        (
            "SHA-256 of the picture that was sent",
            each.probe_sha256 or "none: a face of the collection was searched for",
        ),
        (
            "Utility of the searched face (0 to 100)",
            f"{utility:.0f}" if isinstance(utility, float | int) else "unknown",
        ),
    ]


def _database(record: CaseRecord) -> Block:
    sizes = {each.collection: each.gallery_size for each in record.file.searches}
    return Listing(
        "What was searched", ("Collection", "Faces at the time"), [(name, f"{size:,}") for name, size in sizes.items()]
    )


def _probes(record: CaseRecord) -> Block:
    rows = []
    for each in record.file.searches:
        said = {name: value for name, value in each.probe_edits.items() if name != "utility"}
        original = str(said.pop("original_sha256", each.probe_sha256 or "–"))
        edits = "; ".join(f"{name}: {value}" for name, value in sorted(said.items())) or "none"
        rows.append((each.id, original, each.probe_sha256 or "–", edits))
    columns = ("Search", "Original (SHA-256)", "As it was searched (SHA-256)", "How the one was made from the other")
    return Listing("The original picture, and every edited copy", columns, rows)


def _pictures(record: CaseRecord) -> list[Block]:
    shown = [
        Photograph(
            content,
            f"Candidate {number}, as the reviewers saw it"
            if kind == CANDIDATE
            else "The face that was searched for, as the reviewers saw it",
        )
        for (kind, number), content in sorted(record.pictures.items(), reverse=True)
    ]
    return [Photographs(shown)] if shown else [Paragraph("No picture is kept any more.")]


def _reviews(record: CaseRecord) -> Iterator[Block]:
    if not record.decided:
        yield Notice(
            "The case is open. What reviewers said stays closed until all have, so that nobody follows others."
        )
        return
    for each in record.file.reviews:
        marks = ", ".join(f"{name}: {mark}" for name, mark in each.components.items())
        yield Facts(
            [
                ("Reviewer", record.name(each.reviewer_id)),
                ("Candidate", f"{each.number}"),
                ("Opinion", f"{each.opinion or 'none given'}, {moment(each.decided_at)}"),
                ("Reason", each.reason or "–"),
                ("Components", marks or "–"),
                ("Training", _training(record.trainings.get(each.reviewer_id, ()))),
            ]
        )
    if not record.file.reviews:
        yield Paragraph("Nobody has compared the candidates with the picture.")


def _training(found: Sequence[Training]) -> str:
    told = [f"{each.subject} ({each.reference}), {day(each.completed_at)} to {day(each.expires_at)}" for each in found]
    return "; ".join(told) or "none is recorded"


def _support(record: CaseRecord) -> Block:
    rows = [
        (
            each.kind,
            each.reference,
            "yes" if each.independent else "no",
            record.name(each.person_id),
            moment(each.added_at),
        )
        for each in record.file.corroborations
    ]
    columns = ("Kind", "Reference", "Independent of the search", "Added by", "When")
    return Listing("Corroboration", columns, rows, "Nothing. A candidate alone is no ground to act.")


def _others(record: CaseRecord) -> Block:
    rows = [
        (each.id, moment(each.searched_at), each.collection, f"{each.gallery_size:,}", f"{each.candidate_count:,}")
        for each in record.others
    ]
    columns = ("Search", "When", "Collection", "N", "Candidates")
    return Listing("Also those that found nobody", columns, rows)


def _proof(record: CaseRecord) -> Block:
    count = len(record.entries)
    return Paragraph(
        f"The ledger has {count:,} entries about this case. Each is beside this report as a .tlog-proof file (C2SP), "
        "which anybody verifies with `regard ledger verify FILE --key KEY`, without this machine: ask the operator for "
        "the key by another way than this report."
    )


def _data(record: CaseRecord, system: System) -> dict[str, Any]:
    file = record.file
    return {
        "case": file.case,
        "authorisation": record.authorisation,
        "searches": [_search(each, record) for each in file.searches],
        "candidates": [
            {"number": each.number, "face_id": each.face_id, "state": each.state} for each in file.candidates
        ],
        "reviews": list(file.reviews) if record.decided else None,
        "reviewers": {
            each.reviewer_id: {
                "name": record.name(each.reviewer_id),
                "trainings": list(record.trainings.get(each.reviewer_id, ())),
            }
            for each in file.reviews
        },
        "corroborations": list(file.corroborations),
        "other_searches": [_search(each, record) for each in record.others],
        "evaluation": record.evaluation,
        "system": {"name": "Regard", "version": system.version, "models": list(system.models)},
        "score_scale": SCALE,
        "profile_sha256": system.rules.sha256,
        "ledger_entries": list(record.entries),
    }


#: Of a search: told by nobody, or in other words.
_NOT_AS_IT_IS = ("sealed_candidates", "best_pseudonym", "collection_key", "probe_edits")


def _search(each: Search, record: CaseRecord) -> dict[str, Any]:
    names = [name for name in Search.__slots__ if name not in _NOT_AS_IT_IS]
    said = {name: getattr(each, name) for name in names} | {"probe_edits": dict(each.probe_edits)}
    return said | {"candidates": list(record.ranked[each.id])} if each.id in record.ranked else said
