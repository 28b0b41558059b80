"""What was done to the users of a collection in the last days, and undoing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from regard.accountability.cases import Cases
from regard.accountability.enrolment_terms import EnrolmentTerms
from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.domain.user_acts import UNDOABLE, FaceMove, UserAct
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.user_vectors import put_together, take_away
from regard.errors import Conflict, ResourceNotFound
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.separation_rows import SeparationRows
from regard.store.user_act_rows import UserActRows
from regard.store.user_rows import UserRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """The ids of the faces that are whose they were before, and of those that stayed as they are, because they were
    given to somebody else since."""

    moved: list[str]
    stayed: list[str]


class UserHistory:
    """Lists acts on the faces of users, and undoes them."""

    def __init__(
        self,
        database: Database,
        matcher: Matcher,
        terms: EnrolmentTerms,
        cases: Cases,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._collections = CollectionRows(database)
        self._faces, self._users = FaceRows(database), UserRows(database)
        self._acts, self._separations = UserActRows(database), SeparationRows(database)
        self._matcher = matcher
        self._terms = terms
        self._cases = cases
        self._clock = clock

    def page(self, grant: Grant, collection_id: str, before: int | None, limit: int) -> list[UserAct]:
        """Up to `limit` acts that are not older than UNDOABLE, the latest first, those with a key below `before`."""
        grant.require(Action.READ, collection_id)
        self._cases.require_listing(grant)
        collection = self._collections.get(collection_id)
        return self._acts.page(collection.key, self._clock() - UNDOABLE, before, limit)

    def undo(self, grant: Grant, collection_id: str, key: int) -> Undone:
        """Make the faces of an act those of whom they were before it, unless they were moved since; users whom it
        deleted are there again. Raises ResourceNotFound, and Conflict if there is nothing left to undo, or, where
        candidates are reviewed, if a face would come back to a user who was given others since."""
        grant.require(Action.ENROL, collection_id)
        collection, now = self._collections.get(collection_id), self._clock()
        with self._database.write():
            act = self._acts.get(collection.key, key, now - UNDOABLE)
            if act is None:
                raise ResourceNotFound(f"There is no act {key} in {collection.id} that can be undone.")
            if act.undone_at is not None:
                raise Conflict("This was undone already.")
            lifted = self._separations.lift_of(key)
            back, stayed = self._sorted_out(act)
            self._check_company(grant, collection, key, back)
            if not back and not lifted:
                raise Conflict("Everything that it changed has been changed since. Nothing was undone.")
            self._move(grant, collection, back, now)
            self._acts.undone(key, now)
            names = self._faces.by_keys([each.face_key for each in act.moves])
            moved = [names[each.face_key].face_id for each in back]
            grant.note(user=act.user_id, undone=key, faces=moved)
        self._matcher.follow(collection)
        return Undone(moved=moved, stayed=[names[each].face_id for each in stayed])

    def _check_company(self, grant: Grant, collection: Collection, key: int, back: list[FaceMove]) -> None:
        """Where a face has to be like a user's others, none comes back to others than it was with: to compare them here
        would say whether they are alike, beside every search."""
        if not grant.reviewed:
            return
        names = {each.before for each in back if each.before is not None}
        if others := self._acts.given_since(collection.key, key, names):
            raise Conflict(
                f"Other faces were given to {', '.join(sorted(others))} since. Nothing was undone: give them the faces "
                "again, which are then compared."
            )

    def _sorted_out(self, act: UserAct) -> tuple[list[FaceMove], list[int]]:
        """The moves to take back, and the faces that are not where the act had put them, or may not go back."""
        owners = self._acts.owners([each.face_key for each in act.moves])
        moved = [each for each in act.moves if each.before != each.after]
        back = [each for each in moved if owners.get(each.face_key) == each.after]
        for name in {each.before for each in back if each.before is not None}:
            apart = self._separations.among([each.face_key for each in back], name)
            back = [each for each in back if each.before != name or each.face_key not in apart]
        kept = {each.face_key for each in back}
        return back, [each.face_key for each in moved if each.face_key not in kept]

    def _move(self, grant: Grant, collection: Collection, back: list[FaceMove], now: datetime) -> None:
        """Take the faces from whom they are now, then give them to whom they were."""
        before = sorted({each.before for each in back if each.before is not None})
        for name in before:
            if name not in self._users.there(collection.key, before):
                self._users.create(collection.key, name, now)
        after = sorted({each.after for each in back if each.after is not None})
        self._users.lock(collection.key, sorted({*before, *after}))
        for name in after:
            with self._users.changing(collection.key, name) as change:
                take_away(change, [each.face_key for each in back if each.after == name])
        faces = self._faces.by_keys([each.face_key for each in back])
        for name in before:
            theirs = [each.face_key for each in back if each.before == name]
            self._terms.check_user(grant, collection, name, [faces[key].face_id for key in theirs])
            with self._users.changing(collection.key, name) as change:
                change.join(theirs)
                put_together(change, name)
