"""A form for an assessment (DPIA, FRIA, the self-assessment of WEF, INTERPOL, UNICRI and the Netherlands police, 2022),
filled in as far as the configuration answers it. The rest is for people to answer, in ink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from regard.accountability.reports.curves import measured
from regard.accountability.reports.report import Block, Lines, Notice, Report, Section, day
from regard.accountability.reports.system import System, demands, rules_listing
from regard.domain.evaluations import Evaluation
from regard.domain.galleries import Collection

#: A heading, and its questions, each with the rules that answer a part of it.
_QUESTIONS: Sequence[tuple[str, Sequence[tuple[str, tuple[str, ...]]]]] = (
    (
        "Necessity and proportionality",
        (
            ("What is to be achieved, and why can it not be achieved with less?", ("authorisation.purposes",)),
            ("Which law allows it? Cite it, and say who read it.", ()),
            ("Whom does it affect who has done nothing, and how many?", ("one_face", "media")),
            ("For what is it never used, and what keeps it from that?", ("authorisation.forbidden_purposes",)),
        ),
    ),
    (
        "Who may search, and until when",
        (
            ("Who may search, and who approves it? Are they different people?", ("people", "authorisation.actions")),
            ("What happens in an emergency that nobody confirms?", ("authorisation.emergency_hours",)),
            ("How are those who search and review trained, and how often?", ("trained",)),
        ),
    ),
    (
        "Errors and bias",
        (
            ("Were error rates measured on pictures taken as yours are, for every group you serve?", ()),
            ("Which error rate is too high, and what is done then?", ("least_threshold",)),
            ("What keeps a poor picture from being searched?", ("least_probe_utility",)),
        ),
    ),
    (
        "People decide",
        (
            (
                "Who compares candidates, and what do they know when they do?",
                ("review.agreements", "review.hide_scores"),
            ),
            ("What else must support an identification before anybody acts?", ("review.corroborations",)),
            ("How is it made sure that nobody is arrested for a candidate alone?", ()),
        ),
    ),
    (
        "Data",
        (
            ("On what basis is each face enrolled, and who checks it?", ("enrolment_basis", "consent")),
            (
                "How long is what kept, and why so long?",
                ("retention.faces_days", "retention.watchlist_hours", "retention.cases_days"),
            ),
            ("To whom may data go?", ("export",)),
        ),
    ),
    (
        "Transparency and redress",
        (
            ("How do people learn of it, where they are and in general?", ("ledger",)),
            ("How do people object, ask and have errors corrected, and who answers within which time?", ()),
            ("Who is told of incidents, and how soon?", ("incident_hours",)),
            ("Is the use of it disclosed to defendants, with everything that the search returned?", ()),
        ),
    ),
)


def assessment_report(
    system: System, sizes: list[tuple[Collection, int]], evaluations: list[Evaluation], now: datetime
) -> Report:
    words = dict(demands(system.rules))
    faces = sum(count for _, count in sizes)
    sections = [Section(title, [_line(each, words.get) for each in asked]) for title, asked in _QUESTIONS]
    return Report(
        name="assessment",
        title="Assessment of a use of facial recognition",
        subtitle=f"{system.named}, {day(now)}. Profile {system.title}; {faces:,} faces in {len(sizes):,} collections.",
        made_at=now,
        notices=(
            "This form is tied to the configuration of the day it was made. It is a help to those who assess, and no "
            "assessment: that is theirs, with the reasons and the signature of somebody who answers for it.",
        ),
        sections=[
            Section(
                "The use", [Lines("What is it used for?", system.purpose), Lines("Which decision?", system.decision)]
            ),
            *sections,
            Section("What was measured", _measured(evaluations)),
            Section("The rules of the configuration", [rules_listing(system.rules)]),
            Section(
                "Conclusion", [Lines("May it be used, under which conditions, until when is this reviewed?"), _SIGNED]
            ),
        ],
        data={
            "profile": system.rules.content,
            "profile_sha256": system.rules.sha256,
            "questions": {title: [question for question, _ in asked] for title, asked in _QUESTIONS},
        },
    )


_SIGNED = Lines("Name, office, date, signature")


def _line(asked: tuple[str, tuple[str, ...]], words: Callable[[str], str | None]) -> Block:
    question, rules = asked
    told = [said for said in map(words, rules) if said]
    if told:
        return Lines(question, f"The configuration demands: {'; '.join(told)}.")
    return Lines(question, "The configuration demands nothing of this." if rules else "")


def _measured(evaluations: list[Evaluation]) -> list[Block]:
    blocks = [block for each in evaluations for block in measured(each)]
    return blocks or [Notice("Nothing was measured here yet: `regard evaluate`.")]
