"""Who of a collection may be one person: proposed to whoever keeps it, the most alike first, and decided by them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regard.accountability.cases import Cases
from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.galleries import Collection, Match, User, UserMatch
from regard.engine.galleries.matching import Matcher
from regard.errors import AccessDenied
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.feed_tables import FACE_FEED
from regard.store.separation_rows import SeparationRows
from regard.store.user_rows import UserRows
from regard.store.vector_rows import VectorRows

#: Users who may be the same, and faces of nobody that may be one user's, at most.
_MOST_USERS, _MOST_FACES = 20, 60
#: Faces looked at for each that is proposed: most of them are the user's already.
_LOOKED_AT = 400
#: The cosine from which two faces are the same picture again (docs/guides/users.md): one of them is proposed.
SAME_PICTURE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikeUsers:
    """Two users who may be one person; `similarity` (0..100) is of their vectors."""

    first: User
    second: User
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """Users who may be this one, and faces of nobody that may be theirs, the most alike first."""

    users: list[UserMatch]
    faces: list[Match]


class UserLikenesses:
    """Proposes; it changes nothing. Where a search takes an authorisation or a review, it does not: it would be one."""

    def __init__(self, database: Database, matcher: Matcher, cases: Cases) -> None:
        self._collections = CollectionRows(database)
        self._users = UserRows(database)
        self._vectors, self._separations = VectorRows(database, FACE_FEED), SeparationRows(database)
        self._matcher = matcher
        self._cases = cases

    def of_user(self, grant: Grant, collection_id: str, user_id: str, threshold: float) -> Proposals:
        """What may be this user, at a similarity of `threshold` and above, less what was said not to be. Raises
        ResourceNotFound, AccessDenied."""
        grant.require(Action.READ, collection_id)
        self._check(grant)
        collection = self._collections.get(collection_id)
        user, vector = self._users.get(collection.key, user_id), self._users.vector(collection.key, user_id)
        grant.note(user=user_id)
        if vector is None:
            return Proposals(users=[], faces=[])
        least = max(threshold, grant.rules.least_threshold)
        utility = self._users.utility(collection.key, user_id)
        (found,) = self._matcher.faces(collection, vector[None], most=_LOOKED_AT, threshold=least)
        apart = set(self._separations.of_user(collection.key, user_id))
        free = [each for each in found if each.face.user_id is None and each.face.key not in apart]
        alike = self._alike(collection, user, utility, least, _MOST_USERS)
        faces = self._once(collection, free)[:_MOST_FACES]
        grant.note(users=[each.user.id for each in alike], faces=[each.face.face_id for each in faces])
        return Proposals(users=alike, faces=faces)

    def pairs(
        self, grant: Grant, collection_id: str, after: int, limit: int, threshold: float
    ) -> tuple[list[AlikeUsers], int | None]:
        """Of the next `limit` users with a key above `after`: pairs that may be one person, the most alike first; and
        the key to go on after, None at the end. Raises ResourceNotFound, AccessDenied."""
        grant.require(Action.READ, collection_id)
        self._check(grant)
        collection = self._collections.get(collection_id)
        users = self._users.page(collection.key, after, limit + 1)
        least = max(threshold, grant.rules.least_threshold)
        found = [
            AlikeUsers(first=user, second=each.user, similarity=each.similarity)
            for user in users[:limit]
            for each in self._alike(collection, user, self._users.utility(collection.key, user.id), least, _MOST_USERS)
            if each.user.key > user.key
        ]
        found.sort(key=lambda each: -each.similarity)
        grant.note(users=sorted({user.id for each in found for user in (each.first, each.second)}))
        return found, users[limit - 1].key if len(users) > limit else None

    def _alike(
        self, collection: Collection, user: User, utility: float | None, threshold: float, most: int
    ) -> list[UserMatch]:
        vector = self._users.vector(collection.key, user.id)
        if vector is None:
            return []
        apart = self._separations.apart(collection.key, user.id)
        found = self._matcher.users(collection, vector, utility, most=most + 1 + len(apart), threshold=threshold)
        return [each for each in found if each.user.key != user.key and each.user.id not in apart][:most]

    def _once(self, collection: Collection, found: list[Match]) -> list[Match]:
        """Of faces that are the same picture again, the first."""
        chosen: list[Match] = []
        keys, rows = self._vectors.among(collection.key, np.array([each.face.key for each in found], np.int64))
        vectors = dict(zip(keys.tolist(), rows, strict=True))
        for each in found:
            row = vectors.get(each.face.key)
            kept = (vectors[other.face.key] for other in chosen if other.face.key in vectors)
            if row is None or all(float(row @ other) < SAME_PICTURE for other in kept):
                chosen.append(each)
        return chosen

    def _check(self, grant: Grant) -> None:
        self._cases.require_listing(grant)
        if looks_for_nobody(grant):
            raise AccessDenied(
                f"{grant.act.operation} is refused: under the profile {grant.rules.name} to look for somebody takes a "
                "search, with its authorisation and reviews; nobody is proposed beside it."
            )


def looks_for_nobody(grant: Grant) -> bool:
    """Whether to say who is like whom takes a search, with its authorisation and reviews."""
    return grant.reviewed or Action.SEARCH in grant.rules.authorisation.actions
