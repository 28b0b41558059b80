"""Suspensions: stopping everything, a collection, a person, a service or an authorisation, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from regard.accountability.gate import Grant
from regard.accountability.plain_words import check_words
from regard.domain.authority import Action
from regard.domain.suspensions import Suspension
from regard.errors import AccessDenied, InvalidParameter, ResourceNotFound
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.people_rows import PeopleRows
from regard.store.suspension_rows import SuspensionRows

KINDS = ("everything", "collection", "person", "service", "authorisation")
#: The longest reason, in characters.
_LONGEST_REASON = 2000


class Suspensions:
    """Begins, lists and lifts suspensions. Each process obeys within a second."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._rows = SuspensionRows(database)
        self._clock = clock

    def begin(self, grant: Grant, kind: str, subject: str, reason: str) -> Suspension:
        """Stop detecting, comparing, searching, enrolling, exporting and moving for `subject` of `kind` (one of KINDS;
        "" for everything). Reading, deleting and administering go on.

        Raises InvalidParameter, and ResourceNotFound if there is no such subject.
        """
        grant.require_all(Action.ADMINISTER)
        known = self._subject(kind, subject)
        said = checked_reason(reason)
        with self._database.write():
            made = self._rows.begin(kind, known, said, grant.person_id, self._clock())
            grant.note(suspension=made.key, suspended=kind, subject=known)
        return made

    def list(self, grant: Grant, *, ended: bool = False) -> Sequence[Suspension]:
        """Those that last, the first begun first; with `ended` those that were lifted too."""
        grant.require_all(Action.READ)
        return self._rows.all() if ended else self._rows.active()

    def lift(self, grant: Grant, key: int) -> Suspension:
        """End a suspension. Where people are known, another must do so than who began it: raises AccessDenied.

        Raises ResourceNotFound if there is none with this number, or it has been lifted.
        """
        grant.require_all(Action.ADMINISTER)
        found = next((each for each in self._rows.active() if each.key == key), None)
        if found is None:
            raise ResourceNotFound(
                f"No suspension {key} lasts. `regard suspensions list` shows those that do, with their numbers."
            )
        if grant.rules.people and found.started_by == grant.person_id:
            raise AccessDenied(
                f"The suspension {key} is yours. It takes another person to lift it: ask one with the role overseer."
            )
        with self._database.write():
            if not self._rows.end(key, grant.person_id, self._clock()):
                raise ResourceNotFound(f"The suspension {key} has just been lifted.")
            grant.note(suspension=key)
        return found

    def _subject(self, kind: str, name: str) -> str:
        """What the gate knows it by. A name that nothing has would stop nothing."""
        if kind == "everything":
            if name:
                raise InvalidParameter("A suspension of everything has no subject; leave it out.")
            return ""
        found = self._find(kind, name)
        if found is None:
            raise ResourceNotFound(f"There is no {kind} {name!r}, so nothing was suspended. Check the name.")
        return found

    def _find(self, kind: str, name: str) -> str | None:
        people = PeopleRows(self._database)
        if kind == "collection":
            return name if CollectionRows(self._database).find(name) else None
        if kind == "authorisation":
            return name if AuthorisationRows(self._database).get(name) else None
        if kind == "person":
            person = people.person(name)
            return person.id if person else None
        if kind == "service":
            service = people.service(name)
            return service.id if service else None
        raise InvalidParameter(f"{kind!r} cannot be suspended; these can: {', '.join(KINDS)}.")


def checked_reason(reason: str) -> str:
    """The reason without space around it. Raises InvalidParameter if there is none, it is too long, or it has control
    characters."""
    said = reason.strip()
    check_words("what you say", said)
    if not said or len(said) > _LONGEST_REASON:
        raise InvalidParameter(f"Say why, in at most {_LONGEST_REASON:,} characters.")
    return said
