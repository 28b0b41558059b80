"""One page for papers to a court: that a face search was made, how, and what speaks against relying on it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from regard.accountability.reports.case_report import CaseRecord
from regard.accountability.reports.report import LEAD, Block, Facts, Listing, Report, Section, day, moment
from regard.accountability.reports.system import System
from regard.domain.cases import CandidateState, RankedCandidate, Search, independent_support
from regard.domain.chances import how_rarely, plain


def warrant_report(system: System, record: CaseRecord, least_utility: float, now: datetime) -> Report:
    """`least_utility` is the profile's bar for searched faces."""
    case = record.file.case
    verified = {each.number for each in record.file.candidates if each.state is CandidateState.VERIFIED}
    rows = [
        (f"{each.number}", f"{each.rank} of {len(ranked)}", f"{each.similarity:.2f}", moment(search.searched_at))
        for search, ranked in _pairs(record)
        for each in ranked
        if each.number in verified
    ]
    support = Counter(each.kind for each in independent_support(record.file.corroborations))
    return Report(
        name=f"warrant-{case.id}",
        title="Disclosure of a face search",
        subtitle=f"For the papers of {case.id}. {system.named}, {day(now)}.",
        made_at=now,
        notices=(LEAD,),
        sections=[
            Section("Facial recognition was used", [Facts(_used(system, record, least_utility))]),
            Section(
                "Where the person named in these papers stood among the candidates",
                [
                    Listing(
                        "Candidates whom reviewers verified",
                        ("Number in the case", "Rank", "Similarity", "Search"),
                        rows,
                        "None: reviewers have verified nobody.",
                    )
                ],
            ),
            Section("What speaks against relying on it", _flaws_listed(record, least_utility)),
            Section("What does not derive from the search", [Facts(_supported(support, case.state))]),
        ],
        data={
            "case": case.id,
            "state": case.state,
            "verified": [
                {"rank": each.rank, "similarity": each.similarity, "search": search.id, "others": len(ranked) - 1}
                for search, ranked in _pairs(record)
                for each in ranked
                if each.number in verified
            ],
            "flaws": _flaws(record, least_utility),
            "independent_support": support.total(),
            "kinds_of_support": dict(support),
            "probe_utilities": [each.probe_edits.get("utility") for each in record.file.searches],
        },
        evidence=True,
        one_page=True,
    )


def _supported(support: Counter[str], state: str) -> list[tuple[str, str]]:
    kinds = ", ".join(f"{kind} ({count:,})" for kind, count in support.items())
    return [("Independent support", kinds or "none"), ("State of the case", state)]


def _flaws_listed(record: CaseRecord, least_utility: float) -> list[Block]:
    rows = [(f"{number}", each) for number, each in enumerate(_flaws(record, least_utility), 1)]
    return [Listing("All of it is to be told", ("", "What"), rows)]


def _pairs(record: CaseRecord) -> list[tuple[Search, list[RankedCandidate]]]:
    return [(each, list(record.ranked.get(each.id, ()))) for each in record.file.searches]


def _quality(search: Search, least_utility: float) -> str:
    """How good the searched picture is, of 100, and what the rules ask for."""
    utility = search.probe_edits.get("utility")
    if not isinstance(utility, float | int):
        return "not measured"
    bar = f", where the rules ask for {least_utility:g}" if least_utility else ""
    return f"{utility:.0f} of 100{bar}"


def _used(system: System, record: CaseRecord, least_utility: float) -> list[tuple[str, str]]:
    searches, others = record.file.searches, record.others
    expected = sum(each.expected_false for each in searches)
    return [
        ("System", f"Regard {system.version}; face model {', '.join(sorted({each.face_model for each in searches}))}"),
        ("Searched", "; ".join(f"{each.collection}, {each.gallery_size:,} faces" for each in searches)),
        ("Threshold", "; ".join(f"similarity {each.threshold:g}" for each in searches)),
        ("Quality of the searched picture", "; ".join(_quality(each, least_utility) for each in searches)),
        ("Candidates returned", f"{sum(each.candidate_count for each in searches):,}"),
        ("False candidates to expect by chance", f"{plain(expected)}{how_rarely(expected)}"),
        (
            "Other searches under the same authorisation",
            f"{len(others):,}, {sum(not each.candidate_count for each in others):,} of which found nobody",
        ),
    ]


def _flaws(record: CaseRecord, least_utility: float) -> list[str]:
    said = ["The search returns whoever looks most alike, whether or not the person sought is in the collection."]
    for each in record.file.searches:
        utility = each.probe_edits.get("utility")
        if isinstance(utility, float | int) and utility < least_utility:
            said.append(
                f"The searched picture is poor: a utility of {utility:.0f}, where the rules ask for {least_utility:g}. "
                "Poor pictures make errors of both kinds more frequent."
            )
        if each.candidate_count > 1:
            said.append(f"{each.candidate_count - 1:,} other people or pictures were returned by the same search.")
    refused = sum(each.state is CandidateState.NOT_IDENTIFIED for each in record.file.candidates)
    if refused:
        said.append(f"Reviewers found that {refused:,} of the candidates are somebody else.")
    if not any(each.independent for each in record.file.corroborations):
        said.append("Nothing that is independent of the search supports the identification.")
    if record.evaluation is None:
        said.append("The error rates of this system were not measured in this place.")
    return said
