"""What the gate knows about a caller when it decides: who they are, what is stopped, and which rules hold where they
want to act."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Any, Generic, TypeVar, cast

from regard.accountability.authorisation_terms import settled
from regard.accountability.profiles.catalogue import OVERLAYS_TAG, PROFILE_TAG, chosen, of_tags, stricter
from regard.accountability.profiles.rules import Rules
from regard.accountability.profiles.strictness import at_threshold
from regard.domain.authorisations import Authorisation
from regard.domain.authority import Caller, Channel
from regard.domain.people import Holder, Training
from regard.domain.suspensions import Suspension
from regard.store import database
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.people_rows import PeopleRows
from regard.store.profile_rows import ProfileRows
from regard.store.suspension_rows import SuspensionRows
from regard.store.threshold_rows import ThresholdRows

T = TypeVar("T")
#: The tags that say which rules hold in a collection.
NAMING_TAGS = (PROFILE_TAG, OVERLAYS_TAG)
#: What another process decides takes effect within this many seconds.
_REMEMBERED_SECONDS = 1.0
_MOST_REMEMBERED = 4096
#: So many unknown ids an authorisation may name in this process before they count as searches.
_FORGIVEN = 3


class Standing:
    """Reads the database that `opening` gives, and remembers for a second what it read. Safe to share between
    threads."""

    def __init__(
        self,
        opening: Callable[[], AbstractContextManager[Database]],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._opening = opening
        self.now = clock
        self._ticks = ticks
        self._remembered: dict[Hashable, tuple[float, Any]] = {}
        self._kept: set[str] = set()
        self._erased_within = math.inf
        self._forgiven: Counter[str] = Counter()
        self._guard = threading.Lock()

    def holder(self, caller: Caller) -> Holder | None:
        """The person or service that a caller is: by their key, or by their account on this machine."""
        if caller.channel is Channel.CLI and not caller.principal.access_key_id:
            login = caller.principal.name
            return self._read(("login", login), lambda database: PeopleRows(database).holder_of_login(login))
        holder_id = caller.principal.holder_id
        if holder_id is None:
            return None
        return self._read(("holder", holder_id), lambda database: PeopleRows(database).holder(holder_id))

    def anybody(self) -> bool:
        """Whether there is anybody yet."""
        with self._opening() as opened:
            return PeopleRows(opened).any()

    def trainings(self, person_id: str) -> list[Training]:
        return self._read(("trainings", person_id), lambda database: PeopleRows(database).trainings(person_id))

    def installation(self, base: Rules) -> Rules:
        """The installation's profile: that of the settings as this process read them, or of the choice that was made
        since, in whichever process, if that is stricter."""
        if base.closed:
            return base
        found = self._read("installed", lambda database: _Known(ProfileRows(database).installed()))
        return base if found.value is None or not found.value.chosen else stricter(base, chosen(found.value.name))

    def in_use(self, base: Rules) -> Rules:
        """All that the installation's profile and those of its collections demand together. One that is closed demands
        nothing of what is done elsewhere."""
        tags = self._read("tags", lambda database: CollectionRows(database).tags(NAMING_TAGS))
        each = [of_tags(named, base) for named in tags]
        self._hasten(min((rules.erase_seconds for rules in each), default=base.erase_seconds))
        return reduce(stricter, (rules for rules in each if not rules.closed), base)

    def rules(self, base: Rules, name: str | None) -> Rules:
        """The installation's profile, or that of the collection of this name if it is stricter."""
        if name is None:
            return base
        # One that is not there yet is not remembered: it may be made under a stricter profile at this moment.
        found = self._read(("collection", name), lambda database: CollectionRows(database).find(name))
        if found is None:
            return base
        rules = of_tags(found.tags, base)
        self._hasten(rules.erase_seconds)
        if not rules.least_threshold:
            return rules
        change = self._read(("threshold", found.key), lambda database: _Known(ThresholdRows(database).last(found.key)))
        return rules if change.value is None else at_threshold(rules, change.value)

    def rules_of_comparing(self, base: Rules, authorisation_id: str) -> Rules:
        """What holds when somebody who is known compares pictures, which are of no collection: what the collections
        that the authorisation is for demand, and all of them where it names none. Scores are hidden as soon as any
        collection hides them: whoever searches or reviews there would learn them here."""
        everywhere = self.in_use(base)
        found = self.authorisation(authorisation_id) if authorisation_id else None
        named = [self.rules(base, name) for name in (found and found.scope.collections) or ()]
        if not named or any(rules.closed or not rules.people for rules in named):
            return everywhere
        rules = reduce(stricter, named)
        if not everywhere.review.hide_scores:
            return rules
        return rules.changed(review=everywhere.review, least_threshold=everywhere.least_threshold)

    def _hasten(self, seconds: float) -> None:
        """The database is one for all collections: what is deleted goes from its file as soon as any demands."""
        if seconds < self._erased_within:
            with self._opening() as opened:
                opened.erase_within(seconds)
            self._erased_within = seconds

    def keep(self, rules: Rules) -> None:
        """Keep the text of a profile that is in force, once."""
        if rules.sha256 not in self._kept:
            with database.accompanied(None), self._opening() as opened:
                ProfileRows(opened).keep(rules.sha256, rules.name, rules.version, rules.content, self.now())
            self._kept.add(rules.sha256)

    def suspensions(self) -> list[Suspension]:
        return self._read("suspensions", lambda database: SuspensionRows(database).active())

    def authorisation(self, authorisation_id: str) -> Authorisation | None:
        """As it is now: how many searches are left changes with each. An emergency that nobody confirmed in time is
        found here to be one."""
        with self._opening() as opened:
            rows = AuthorisationRows(opened)
            found = rows.get(authorisation_id)
            if found is None:
                return None
            with database.accompanied(None):
                return settled(rows, found, self.now())

    def take(self, authorisation_id: str) -> bool:
        """Count one search under it, if one is left."""
        with database.accompanied(None), self._opening() as opened:
            return AuthorisationRows(opened).take(authorisation_id, self.now())

    def give_back(self, authorisation_id: str) -> None:
        with database.accompanied(None), self._opening() as opened:
            AuthorisationRows(opened).give_back(authorisation_id)

    def forgives(self, authorisation_id: str) -> bool:
        """Whether what its holder mistyped is to cost no search: the first few times."""
        with self._guard:
            self._forgiven[authorisation_id] += 1
            return self._forgiven[authorisation_id] <= _FORGIVEN

    def forget(self) -> None:
        """Read everything again: something was just decided in this process."""
        self._remembered.clear()

    def _read(self, name: Hashable, read: Callable[[Database], T]) -> T:
        now = self._ticks()
        until, found = self._remembered.get(name, (0.0, None))
        if now < until:
            return cast(T, found)
        with self._opening() as opened:
            found = read(opened)
        if found is None:
            return cast(T, found)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[name] = (now + _REMEMBERED_SECONDS, found)
        return found


@dataclass(frozen=True, slots=True)
class _Known(Generic[T]):
    """What was looked for, and may not be there."""

    value: T | None
