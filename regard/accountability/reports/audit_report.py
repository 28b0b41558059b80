"""The yearly audit: every search against every rule, and the exceptions; its result is an entry of the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from regard.accountability.gate import Grant
from regard.accountability.profiles.catalogue import named
from regard.accountability.reports.audit_checks import CHECKS, Evidence, Lapse, lapses
from regard.accountability.reports.public_reports import noted
from regard.accountability.reports.report import SUPPORT, Facts, Listing, Report, Section, day, moment
from regard.accountability.reports.sources import Sources
from regard.accountability.reports.system import System, rules_listing
from regard.domain.authority import Action
from regard.domain.cases import Search
from regard.errors import InvalidParameter

#: What the ledger hears where a server or a command is run under a laxer profile.
CHANGED = "profile changed"
#: What the ledger hears as a search.
_MISSING = "Every search of the ledger is in the records"


class Audit:
    """Checks again, from the records alone, what the gate checked when it happened."""

    def __init__(self, sources: Sources, system: System, clock: Callable[[], datetime]) -> None:
        self._sources = sources
        self._system = system
        self._clock = clock

    def run(self, grant: Grant, since: datetime, until: datetime) -> Report:
        """All searches from `since` to before `until`. The ledger hears how many there were, and the exceptions."""
        grant.require_all(Action.READ)
        if since >= until:
            raise InvalidParameter("Name the first and the last day of the time to audit, in this order.")
        searches = self._sources.cases.searches_between(since, until)
        found = [*self._checked(searches, since), *self._unrecorded(searches, since, until)]
        changes = list(self._changed(since, until))
        made = _report(self._system, (since, until), searches, found, changes, self._clock())
        return noted(grant, made, searches=len(searches), exceptions=len(found))

    def _checked(self, searches: list[Search], since: datetime) -> Iterator[Lapse]:
        sources, now = self._sources, self._clock()
        entries = {said["facts"]["search"]: said for said in self._heard(since)}
        known, hands = sources.authorisations_by_id(), sources.hands()
        thresholds: dict[int, list[Any]] = {}
        for _, change in sources.threshold_changes():
            thresholds.setdefault(change.collection_key, []).append(change)
        for search in searches:
            case = None if search.case_id is None else sources.cases.find(search.case_id)
            reviews = [] if case is None else sources.reviews.of_case(case.id)
            people = {each.reviewer_id for each in reviews} | ({search.person_id} if search.person_id else set())
            evidence = Evidence(
                search=search,
                rules=named(search.profile),
                authorisation=known.get(search.authorisation_id or ""),
                holders=self._holders(search.person_id),
                uses=len(sources.cases.searches_under(search.authorisation_id)) if search.authorisation_id else 0,
                trainings={each: sources.people.trainings(each) for each in people},
                thresholds=thresholds.get(search.collection_key, []),
                case=case,
                candidates=[] if case is None else sources.cases.candidates(case.id),
                reviews=reviews,
                corroborations=[] if case is None else sources.cases.corroborations(case.id),
                entry=entries.get(search.id),
                hands=hands,
                now=now,
            )
            yield from lapses(evidence)

    def _unrecorded(self, searches: list[Search], since: datetime, until: datetime) -> Iterator[Lapse]:
        """Searches that the ledger heard and the records do not have: rows that somebody took out."""
        recorded = {each.id for each in searches}
        for said in self._heard(since):
            search_id = said["facts"]["search"]
            if search_id not in recorded and since <= datetime.fromisoformat(str(said["time"])) < until:
                yield Lapse(rule=_MISSING, search=str(search_id), words="the ledger has it, and the records do not")

    def _changed(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, str, str]]:
        """When the installation's profile was changed to a laxer one, from which to which."""
        for _, said in self._sources.entries(since - timedelta(minutes=1)):
            when = datetime.fromisoformat(str(said["time"]))
            if said["operation"] == CHANGED and since <= when < until:
                yield when, str(said["facts"]["profile_before"]), str(said["facts"]["profile_after"])

    def _heard(self, since: datetime) -> Iterator[Mapping[str, Any]]:
        for _, said in self._sources.entries(since - timedelta(minutes=1)):
            facts = said.get("facts")
            if said.get("action") == str(Action.SEARCH) and isinstance(facts, dict) and "search" in facts:
                yield said

    def _holders(self, person_id: str | None) -> frozenset[str]:
        """Who may hold an authorisation that this person acts under: they, and the services that they answer for."""
        if person_id is None:
            return frozenset()
        theirs = {each.id for each in self._sources.people.services() if each.person_id == person_id}
        return frozenset({person_id} | theirs)


def _changes(changes: list[tuple[datetime, str, str]]) -> Listing:
    return Listing(
        "Changes to a profile that demands less",
        ("When", "From", "To"),
        [(moment(when), before, after) for when, before, after in changes],
        "None: no server or command of this database was run under a profile that demands less than the one before.",
    )


def _report(
    system: System,
    period: tuple[datetime, datetime],
    searches: list[Search],
    found: list[Lapse],
    changes: list[tuple[datetime, str, str]],
    now: datetime,
) -> Report:
    counts = Counter(each.rule for each in found)
    rules = [*CHECKS, _MISSING, *sorted(set(counts) - {*CHECKS, _MISSING})]
    last = period[1] - timedelta(microseconds=1)
    times = {each.id: moment(each.searched_at) for each in searches}
    return Report(
        name=f"audit-{day(period[0])}-to-{day(last)}",
        title="Audit of all searches",
        subtitle=f"{system.named}, {day(period[0])} to {day(last)}.",
        made_at=now,
        notices=(SUPPORT,),
        sections=[
            Section(
                "Result",
                [
                    Facts([("Searches checked", f"{len(searches):,}"), ("Exceptions", f"{len(found):,}")]),
                    Listing(
                        "By rule",
                        ("Rule", "Exceptions"),
                        [(rule, f"{counts[rule]:,}" if counts[rule] else "none") for rule in rules],
                    ),
                ],
            ),
            Section(
                "Exceptions",
                [
                    Listing(
                        "Every one of them",
                        ("Search", "When", "Rule", "What was found"),
                        [(each.search, times.get(each.search, "–"), each.rule, each.words) for each in found],
                        "None: every search was as the rules ask.",
                    )
                ],
            ),
            Section("The rules", [_changes(changes), rules_listing(system.rules)]),
        ],
        data={
            "since": period[0],
            "until": period[1],
            "searches": len(searches),
            "laxer_profiles": [{"time": when, "from": one, "to": other} for when, one, other in changes],
            "exceptions": [{"rule": each.rule, "search": each.search, "words": each.words} for each in found],
        },
        evidence=True,
    )
