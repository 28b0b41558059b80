"""Putting the users of a collection right: merging any number of them, and saying which faces are not whose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from regard.accountability.enrolment_terms import EnrolmentTerms
from regard.accountability.gate import Grant
from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.domain.user_acts import FaceMove, UserActKind
from regard.engine.galleries.matching import Matcher, reaches
from regard.engine.galleries.user_record import UserRecord, moves
from regard.engine.galleries.user_vectors import put_together, take_away
from regard.errors import AccessDenied, InvalidParameter
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.separation_rows import SeparationRows
from regard.store.user_rows import UserRows
from regard.vision.faces.calibration import pair_utilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """The ids of the faces that were moved, and of those that stayed, because they were said not to be the user's;
    the act, by which it is undone, None if it concerned no face."""

    moved: list[str]
    stayed: list[str]
    act: int | None


class UserCuration:
    """Merges users, separates faces from them, and lets them be the user's again."""

    def __init__(self, database: Database, matcher: Matcher, terms: EnrolmentTerms, record: UserRecord) -> None:
        self._database = database
        self._collections = CollectionRows(database)
        self._faces, self._users = FaceRows(database), UserRows(database)
        self._separations = SeparationRows(database)
        self._matcher = matcher
        self._terms = terms
        self._record = record

    def merge(
        self,
        grant: Grant,
        collection_id: str,
        user_id: str,
        seen: str | None,
        others: Mapping[str, str | None],
    ) -> Curated:
        """Give the user all faces of the `others`, by name with the version each was seen at, and delete these.

        A face that was said not to be the user's stays with whom it is. What was said not to be one of the others is
        not the user either. Raises ResourceNotFound, Conflict for one who has changed since, ServiceQuotaExceeded, and
        AccessDenied unless all are as like the user as the act's threshold, or as the first of them who has faces.
        """
        grant.require(Action.ENROL, collection_id)
        collection = self._collections.get(collection_id)
        self._matcher.check_model(collection)
        if user_id in others or not others:
            raise InvalidParameter("Name the others who are to become this user: at least one, and not the user again.")
        moved, stayed, did, apart = list[str](), list[str](), list[FaceMove](), list[int]()
        with self._database.write():
            self._users.lock(collection.key, [user_id, *others])
            for name, version in {user_id: seen, **others}.items():
                with self._users.changing(collection.key, name, version):
                    pass  # nobody is compared before everybody is known to be as they were seen
            self._check_alike(grant, collection, user_id, [*others])
            with self._users.changing(collection.key, user_id) as change:
                for name in others:
                    keys, left = self._empty(collection, name, user_id)
                    if keys:
                        change.join([*keys])
                    did += moves(keys, name, user_id)
                    moved, stayed = [*moved, *keys.values()], [*stayed, *left]
                    apart += self._separations.of_user(collection.key, name)
                self._terms.check_user(grant, collection, user_id, moved)
                put_together(change, user_id)
            act = self._record.keep(grant, collection, UserActKind.MERGE, user_id, did, apart)
            grant.note(user=user_id, users=list(others), faces=moved)
        self._matcher.follow(collection)
        return Curated(moved=moved, stayed=stayed, act=act)

    def separate(
        self,
        grant: Grant,
        collection_id: str,
        user_id: str,
        seen: str | None,
        *,
        face_ids: Sequence[str],
        others: Iterable[str] = (),
    ) -> Curated:
        """Say that these faces, and all of those `others`, are not this user: those that are theirs are taken away,
        and none is proposed to be theirs or becomes theirs again. Raises ResourceNotFound, Conflict."""
        grant.require(Action.ENROL, collection_id)
        collection = self._collections.get(collection_id)
        with self._users.changing(collection.key, user_id, seen) as change:
            mine = dict(change.faces())
            said = {each.key: each for each in self._faces.get(collection.key, list(dict.fromkeys(face_ids)))}
            taken = [key for key in said if key in mine]
            if taken:
                take_away(change, taken)
            did = [
                FaceMove(face_key=key, before=each.user_id, after=None if key in mine else each.user_id)
                for key, each in said.items()
            ]
            for name in dict.fromkeys(others):
                with self._users.changing(collection.key, name) as other:
                    did += moves((key for key, _ in other.faces()), name, name)
            act = self._record.keep(
                grant, collection, UserActKind.SEPARATE, user_id, did, [each.face_key for each in did]
            )
            moved = [said[key].face_id for key in taken]
            grant.note(user=user_id, faces=[each.face_id for each in said.values()])
        self._matcher.follow(collection)
        return Curated(moved=moved, stayed=[], act=act)

    def allow(
        self, grant: Grant, collection_id: str, user_id: str, seen: str | None, *, face_ids: Sequence[str]
    ) -> None:
        """These faces may be this user's again. Raises ResourceNotFound, Conflict."""
        grant.require(Action.ENROL, collection_id)
        collection = self._collections.get(collection_id)
        with self._users.changing(collection.key, user_id, seen):
            found = self._faces.get(collection.key, list(dict.fromkeys(face_ids)))
            self._separations.lift([each.key for each in found], user_id)
            grant.note(user=user_id, faces=[each.face_id for each in found])

    def _check_alike(self, grant: Grant, collection: Collection, user_id: str, others: Sequence[str]) -> None:
        """A merge is no way round what a profile asks of each face that is given to a user."""
        least = grant.act.threshold
        vectors = {name: self._users.vector(collection.key, name) for name in (user_id, *others)}
        known = [(name, vector) for name, vector in vectors.items() if vector is not None]
        if not least or len(known) < 2:
            return
        grant.compared = True
        grant.note(user=user_id, users=[name for name, _ in known])
        first, *rest = known
        for name, vector in rest:
            if reaches(self._similarity(collection, first, (name, vector)), least):
                continue
            raise AccessDenied(
                f"{grant.act.operation} is refused: those who are merged must be alike at {least:g} or more, and "
                f"{name} is not like {first[0]}."
            )

    def _similarity(
        self, collection: Collection, first: tuple[str, FloatArray], second: tuple[str, FloatArray]
    ) -> float:
        utilities = [self._users.utility(collection.key, name) for name, _ in (first, second)]
        pair = np.atleast_1d(pair_utilities(*utilities))
        return float(self._matcher.similarities(collection, first[1], second[1][None], pair)[0])

    def _empty(self, collection: Collection, name: str, user_id: str) -> tuple[dict[int, str], list[str]]:
        """Take from a user the faces that may be `user_id`'s, and delete the user if none is left; the ids of the
        faces, by key, and of those that are left."""
        with self._users.changing(collection.key, name) as change:
            theirs = dict(change.faces())
            apart = self._separations.among([*theirs], user_id)
            keys = {key: face_id for key, face_id in theirs.items() if key not in apart}
            if keys:
                change.leave([*keys])
            if apart:
                put_together(change, name)
            else:
                change.remove()
        return keys, [face_id for key, face_id in theirs.items() if key in apart]
