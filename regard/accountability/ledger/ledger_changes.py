"""What changed, for those who have a page open: told from the ledger, which hears of every change by every process.

Only the kind of thing is told ("cases"), and only to whoever may list it: nothing of an entry leaves by this way.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from regard.accountability.gate import Grant
from regard.accountability.permissions import PERMISSIONS
from regard.domain.authority import Action, Channel
from regard.store.ledger_rows import LedgerRows, StoredEntry

#: By what changes, the route that lists it: whoever may take that is told.
LISTED_BY: Mapping[str, str] = {
    "authorisations": "GET /v1/authorisations",
    "cases": "GET /v1/cases",
    "collections": "GET /v1/collections",
    "evaluations": "GET /v1/evaluations",
    "incidents": "GET /v1/incidents",
    "people": "GET /v1/people",
    "reviews": "POST /v1/reviews/next",
    "services": "GET /v1/services",
    "suspensions": "GET /v1/suspensions",
    "thresholds": "GET /v1/thresholds/{collection_id}",
}
#: What an act of a kind changes, whatever its name.
_BY_ACTION: Mapping[str, frozenset[str]] = {
    Action.DELETE: frozenset({"collections"}),
    Action.ENROL: frozenset({"collections"}),
    Action.EVALUATE: frozenset({"evaluations"}),
    Action.REVIEW: frozenset({"cases", "reviews"}),
    Action.SEARCH: frozenset({"cases", "reviews"}),
}
#: By a word in the name of an act that administers, what it changes.
_BY_WORD: Mapping[str, str] = {
    "authoris": "authorisations",
    "collection": "collections",
    "tagresource": "collections",
    "incident": "incidents",
    "people": "people",
    "service": "services",
    "suspen": "suspensions",
    "threshold": "thresholds",
}
_AT_ONCE, _REMEMBERED = 500, 2000
#: The database is asked once in so long, however many listen.
_LOOK_SECONDS = 0.5
_EVERYTHING = frozenset(LISTED_BY)


@dataclass(slots=True, kw_only=True)
class Following:
    """One who listens: what they may know of, and the entries that they have heard of."""

    wanted: frozenset[str]
    position: int
    _since: Callable[[int], tuple[int, frozenset[str]]] = field(repr=False)

    def changed(self) -> frozenset[str]:
        """What has changed since they asked last."""
        self.position, found = self._since(self.position)
        return found & self.wanted


class LedgerChanges:
    """Tells of changes. Thread-safe."""

    def __init__(self, rows: LedgerRows, ticks: Callable[[], float] = time.monotonic) -> None:
        self._rows = rows
        self._ticks = ticks
        self._lock = Lock()
        self._size: int | None = None
        self._looked_at = -1.0
        self._recent: deque[tuple[int, frozenset[str]]] = deque(maxlen=_REMEMBERED)

    def follow(self, grant: Grant, position: int | None = None) -> Following:
        """Listen from now on, or from where one left off."""
        grant.require_all(Action.READ)
        holder = grant.mandate.holder
        wanted = {
            topic
            for topic, route in LISTED_BY.items()
            if holder is None or PERMISSIONS.roles(Channel.API, route) & holder.roles
        }
        size = self._look()
        return Following(
            wanted=frozenset(wanted), position=size if position is None else min(position, size), _since=self._since
        )

    def _since(self, position: int) -> tuple[int, frozenset[str]]:
        size = self._look()
        with self._lock:
            known = [found for at, found in self._recent if at >= position]
        everything = len(known) < size - position  # more than is remembered
        return size, _EVERYTHING if everything else frozenset[str]().union(*known)

    def _look(self) -> int:
        """How many entries there are, as of a moment ago; what they changed is remembered."""
        with self._lock:
            if self._size is not None and self._ticks() - self._looked_at < _LOOK_SECONDS:
                return self._size
            size = self._rows.head().size
            if self._size is not None:
                first = max(self._size, size - _AT_ONCE)
                entries = self._rows.entries(first, size - first)
                self._recent.extend((each.position, _changes(each)) for each in entries)
            self._size, self._looked_at = size, self._ticks()
            return size


def _changes(entry: StoredEntry) -> frozenset[str]:
    """What an entry says was changed: nothing by what was refused or failed."""
    said = {} if entry.body is None else json.loads(entry.body)
    if said.get("outcome") != "allowed":
        return frozenset()
    action, operation = said.get("action"), str(said.get("operation")).lower()
    named = {topic for word, topic in _BY_WORD.items() if word in operation} if action == Action.ADMINISTER else set()
    return _BY_ACTION.get(str(action), frozenset()) | named
