"""Looks for signs of abuse in the ledger, and opens an incident for each that is serious."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from regard.accountability.abuse_signals import Signal, SignalRules, signals
from regard.accountability.gate import Gate, Grant
from regard.accountability.incidents import Incidents
from regard.accountability.recorded_deeds import read
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.store.case_rows import CaseRows
from regard.store.database import Database
from regard.store.expiry_rows import ExpiryRows
from regard.store.incident_rows import IncidentRows
from regard.store.ledger_rows import LedgerReader

#: Entries read at once, and the most that are looked at each time.
_PAGE, _MOST = 2000, 100_000
#: How far back the server looks, and in how long it opens no second incident for one sign.
_BACK = timedelta(hours=24)
_CALLER = Caller(principal=Principal(access_key_id="", name="sweeper"), channel=Channel.WORKER)


class AbuseWatch:
    """Finds signs for whoever asks, and by itself."""

    def __init__(
        self, database: Database, incidents: Incidents, rules: SignalRules, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._reader = LedgerReader(database)
        self._entries = ExpiryRows(database)
        self._searches = CaseRows(database)
        self._incidents = incidents
        self._opened = IncidentRows(database)
        self._rules = rules
        self._clock = clock
        self._seen = -1

    def signals(self, grant: Grant, back: timedelta) -> list[Signal]:
        """The signs in the entries of the last so long."""
        grant.require_all(Action.READ)
        return self._found(back)

    def look(self, gate: Gate) -> int:
        """Open an incident for each serious sign of the last day for which there is none yet; how many."""
        size = self._reader.head().size
        if size == self._seen:
            return 0
        self._seen = size
        known = {
            (each.facts.get("signal"), each.facts.get("who")) for each in self._opened.since(self._clock() - _BACK)
        }
        new = [each for each in self._found(_BACK) if each.severity != "low" and (each.kind, each.who) not in known]
        for each in new:
            act = Act(action=Action.ADMINISTER, operation="signals")
            with gate.open(_CALLER, act) as grant:
                facts = {"signal": each.kind, "who": each.who, "count": each.count}
                self._incidents.open(grant, "signal", each.severity, each.description, facts=facts)
        return len(new)

    def _found(self, back: timedelta) -> list[Signal]:
        now = self._clock()
        return signals(read(self._bodies(now - back), self._searches.pseudonyms(now - back)), self._rules)

    def _bodies(self, since: datetime) -> Iterator[bytes]:
        size = self._reader.head().size
        at = max(self._entries.entries_before(since), size - _MOST)
        while at < size:
            page = self._reader.entries(at, _PAGE)
            yield from (each.body for each in page if each.body is not None)
            at += _PAGE
