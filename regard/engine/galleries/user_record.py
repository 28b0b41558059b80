"""The record beside an act on the faces of users: by it the act is undone, and what was said not to be so stays said.

It is not a door: `user_vectors`, `user_curation` and `user_history` have checked the grant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from regard.accountability.enrolment_terms import keeps_terms
from regard.accountability.gate import Grant
from regard.accountability.profiles.rules import Rules
from regard.domain.galleries import Collection
from regard.domain.user_acts import FaceMove, UserActKind
from regard.store.database import Database
from regard.store.separation_rows import SeparationRows
from regard.store.user_act_rows import UserActRows


class UserRecord:
    """Writes acts down, in the transaction that does them."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._acts = UserActRows(database)
        self._separations = SeparationRows(database)
        self._clock = clock

    def now(self) -> datetime:
        return self._clock()

    def keep(
        self,
        grant: Grant,
        collection: Collection,
        kind: UserActKind,
        user_id: str,
        moves: Sequence[FaceMove],
        apart: Iterable[int] = (),
    ) -> int | None:
        """What the act moved, and faces that it said are not the user's; its key, None where it concerns no face."""
        act = self._acts.add(collection.key, kind, user_id, moves, grant.caller.principal.name, self._clock())
        self._separations.add(apart, user_id, act)
        return act

    def apart(self, face_keys: Sequence[int], user_id: str) -> set[int]:
        """Those of the faces that were said not to be this user's."""
        return self._separations.among(face_keys, user_id)

    def forget(self, collection: Collection, user_id: str) -> None:
        """Everything that names this user."""
        self._acts.forget(collection.key, user_id)


def deletes_for_good(rules: Rules) -> bool:
    """Whether a user who is deleted is gone at once: where people are enrolled on terms, nothing outlasts erasing."""
    return keeps_terms(rules)


def moves(face_keys: Iterable[int], before: str | None, after: str | None) -> list[FaceMove]:
    return [FaceMove(face_key=key, before=before, after=after) for key in face_keys]
