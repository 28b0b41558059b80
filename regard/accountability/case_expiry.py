"""Cases and searches whose time is over: candidates who were somebody else, old cases, and what came of authorisations
that were refused or never confirmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from regard.accountability.erasing import Receipts
from regard.accountability.gate import Grant
from regard.accountability.profiles.catalogue import named
from regard.accountability.profiles.rules import RetentionRules
from regard.domain.authorisations import AuthorisationState
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.database import Database
from regard.store.expiry_rows import Expired, ExpiryRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something to erase: of which class, in which collection if in one, and how; that gives how many went."""

    kind: str
    collection: str | None
    erase: Callable[[Grant], int]


class CaseExpiry:
    """Finds cases and searches that are due."""

    def __init__(self, database: Database, receipts: Receipts, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._rows = ExpiryRows(database)
        self._authorisations = AuthorisationRows(database)
        self._receipts = receipts
        self._clock = clock

    def due(self, now: datetime) -> Iterator[Due]:
        yield from self._discarded()
        for profile in self._rows.profiles():
            known = named(profile)
            rules = RetentionRules() if known is None else known.retention
            before = None if rules.cases_days is None else now - timedelta(days=rules.cases_days)
            for case in self._rows.cases(profile, now, before):
                yield self._case(case, "cases", "the time of the case is over", whole=False)
            lone = self._rows.lone_searches(profile, now, before)
            yield from self._searches(lone, "searches", "the time of the search is over", whole=False)
            if rules.false_candidates_days is not None:
                decided_before = now - timedelta(days=rules.false_candidates_days)
                for case in self._rows.false_candidates(profile, decided_before):
                    yield self._candidates(case, decided_before)

    def lapse(self, now: datetime) -> None:
        """Emergencies that nobody confirmed in time are over."""
        for each in self._authorisations.unconfirmed(now):
            emergency, unconfirmed = AuthorisationState.EMERGENCY, AuthorisationState.UNCONFIRMED
            self._authorisations.decide(each.id, [emergency], unconfirmed, None, now)

    def _discarded(self) -> Iterator[Due]:
        """Inputs and outputs go at once; that it was used, by whom and when, stays on record."""
        for authorisation_id, cases in self._rows.discarded():
            reason = f"the authorisation {authorisation_id} was refused or not confirmed"
            for case in cases:
                yield self._case(case, "authorisations", reason, whole=True)
            yield from self._searches(self._rows.searches_under(authorisation_id), "authorisations", reason, whole=True)

    def _case(self, case: Expired, kind: str, reason: str, *, whole: bool) -> Due:
        def erase(grant: Grant) -> int:
            with self._database.write():
                requests = self._rows.purge_case(case.id, self._clock())
                self._receipts.add(grant, kind, reason, {"case": case.id} | self._entries(requests, whole), 1)
            return 1

        return Due(kind=kind, collection=case.collection, erase=erase)

    def _searches(self, found: Sequence[Expired], kind: str, reason: str, *, whole: bool) -> Iterator[Due]:
        for name in sorted({each.collection for each in found}):
            ids = [each.id for each in found if each.collection == name]

            def erase(grant: Grant, ids: Sequence[str] = ids) -> int:
                with self._database.write():
                    requests = self._rows.scrub_searches(ids)
                    self._receipts.add(
                        grant, kind, reason, {"searches": ids} | self._entries(requests, whole), len(ids)
                    )
                return len(ids)

            yield Due(kind=kind, collection=name, erase=erase)

    def _candidates(self, case: Expired, decided_before: datetime) -> Due:
        def erase(grant: Grant) -> int:
            with self._database.write():
                count = self._rows.erase_false_candidates(case.id, decided_before)
                reason = "they were not who was searched for"
                self._receipts.add(grant, "candidates", reason, {"case": case.id}, count)
            return count

        return Due(kind="candidates", collection=case.collection, erase=erase)

    def _entries(self, requests: Sequence[str], whole: bool) -> dict[str, list[list[int]]]:
        """Erase what the ledger says of these requests, for it names the candidates; where that is to go too."""
        positions = self._rows.entries_of(requests) if whole else []
        if not positions:
            return {}
        self._rows.erase_entries(positions)
        return {"erased": [[each, each] for each in positions]}
