"""In whose hand somebody was: who else had set what they sign in with, and so could have acted as them, as the ledger
tells it.

The first password is somebody else's to set, and is out of their hand once its owner has set another. Whoever sets
that of somebody who had acted before may have taken it from them: then their own next one proves nothing for a while.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

#: Facts of an entry that name whose means were changed: what was given, with which one can sign in, and what was taken.
GIVEN = ("password_set", "codes_set", "identity_added")
TAKEN = ("password_removed", "codes_removed", "identity_removed", "passkey_removed")
#: Operations that hand a secret key to whoever asks, of the `holder` of the entry.
SERVICE_KEYS = frozenset({"services key", "POST /v1/services/{service}/keys"})
_KEYS = SERVICE_KEYS | {"people key", "POST /v1/people/{who}/keys"}
#: What an entry of interest has in it, to pass over all others unread.
MARKS = tuple(f'"{each}"'.encode() for each in (*GIVEN, *TAKEN, "sign_in", "holder"))
#: After this time somebody whose password was set anew is taken to have noticed.
_NOTICED = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What `by` did to how `of` acts; `key` if that was to make them a key."""

    at: datetime
    by: str
    of: str
    key: bool = False
    taken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """That somebody acted; `ids` are theirs and those of the services they answer for."""

    person: str
    at: datetime
    ids: frozenset[str]


def change_of(at: datetime, by: str, operation: str, facts: Mapping[str, Any]) -> Change | None:
    """What an act that was allowed changed; None if nothing of the kind."""
    if operation in _KEYS and facts.get("holder"):
        return Change(at=at, by=by, of=str(facts["holder"]), key=True)
    if operation == "POST /v1/first-run":  # who makes themself
        return None
    found = next((name for name in (*GIVEN, *TAKEN) if facts.get(name)), None)
    return None if found is None else Change(at=at, by=by, of=str(facts[found]), taken=found in TAKEN)


class Hands:
    """Who could have acted as whom. `changes` and `began`, when each was first known to act, may be in any order."""

    def __init__(self, changes: Iterable[Change], began: Mapping[str, datetime]) -> None:
        self._of: dict[str, list[Change]] = defaultdict(list)
        for each in sorted(changes, key=lambda change: change.at):
            if not each.taken:
                self._of[each.of].append(each)
        self._began = began

    def one(self, parts: Collection[Part]) -> dict[str, list[str]]:
        """Those by whom two of these could have been one person, and as whom they could have acted."""
        held: dict[str, set[str]] = defaultdict(set)
        knows: set[str] = set()
        for part in parts:
            for each in self._holding(part):
                held[each.by].add(part.person)
                knows |= set() if each.key else {each.by}
        themselves = {part.person for part in parts} & knows  # a key alone is given to others every day
        return {by: sorted(whom) for by, whom in sorted(held.items()) if len(whom) + (by in themselves) > 1}

    def _holding(self, part: Part) -> list[Change]:
        """The changes by others that gave somebody a hand in what was done then."""
        mine = sorted((each for one in part.ids for each in self._of.get(one, ())), key=lambda change: change.at)
        before = [each for each in mine if each.at <= part.at]
        own = max((each.at for each in before if each.by == part.person), default=None)
        began = self._began.get(part.person)
        found = []
        for each in before:
            if each.by == part.person:
                continue
            replaced = own is not None and each.at < own
            anew = began is not None and began < each.at and part.at - each.at < _NOTICED
            if each.key or not replaced or anew:
                found.append(each)
        return found
