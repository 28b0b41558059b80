"""Users: people of a collection, each found by one vector made of their faces. SQL first, then the index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.galleries import Collection, User, UserMatch, UserStatus
from regard.engine.galleries.gallery import Gallery, reaches
from regard.errors import InvalidParameter, ServiceQuotaExceeded
from regard.store.user_rows import Candidate, UserChange, UserRows
from regard.sync.index_sync import IndexSync

#: The most faces of one user (Rekognition, AssociateFaces).
MOST_FACES = 100
#: How often a search begins again because a vector that it had found was replaced meanwhile.
_TRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A face that was not moved, and Rekognition's reason; with whose it is, or how like the user (0..100)."""

    face_id: str
    reason: str
    user_id: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of a user's faces: ids moved in the order asked, those refused, and the user's status now."""

    moved: list[str]
    refused: list[Refusal]
    status: UserStatus


class Users:
    """The users of every collection: create, associate, search, delete."""

    def __init__(
        self,
        *,
        gallery: Gallery,
        users: UserRows,
        follower: IndexSync,
        clock: Callable[[], datetime],
    ) -> None:
        self._gallery = gallery
        self._users = users
        self._follower = follower
        self._clock = clock

    def create(self, collection: Collection, user_id: str) -> None:
        self._users.create(collection.key, user_id, self._clock())

    def get(self, collection: Collection, user_id: str) -> User:
        return self._users.get(collection.key, user_id)

    def page(self, collection: Collection, after: int, limit: int) -> list[User]:
        """Up to `limit` users, oldest first, those with a key above `after`."""
        return self._users.page(collection.key, after, limit)

    def delete(self, collection: Collection, user_id: str) -> None:
        """The user goes, their faces stay."""
        self._users.delete(collection.key, user_id)
        self._follower.follow(collection)

    # -- their faces -----------------------------------------------------------------------------------------

    def associate(self, collection: Collection, user_id: str, face_ids: Sequence[str], *, threshold: float) -> Change:
        """Give the user those of the faces that are nobody's and reach `threshold` (0..100) with the user.

        A user without faces is, for this once, the face most like the others that were asked for. A face that is the
        user's already is passed over. Raises ServiceQuotaExceeded, and changes nothing, beyond MOST_FACES.
        """
        self._gallery.check_model(collection)
        with self._users.changing(collection.key, user_id) as change:
            free, refused = _sorted_out(change, user_id, face_ids, wanted=None)
            held = change.embeddings()
            if free:
                free, unlike = self._alike(free, held, threshold)
                refused += unlike
            if free:
                _take_in(change, user_id, free, held)
        self._follower.follow(collection)
        status = UserStatus.CREATED if held is None and not free else UserStatus.ACTIVE
        return Change(moved=[each.face_id for each in free], refused=refused, status=status)

    def disassociate(self, collection: Collection, user_id: str, face_ids: Sequence[str]) -> Change:
        """Take these faces from the user; one that is nobody's is passed over."""
        with self._users.changing(collection.key, user_id) as change:
            mine, refused = _sorted_out(change, user_id, face_ids, wanted=user_id)
            if mine:
                change.leave([each.key for each in mine])
            left = change.embeddings()
            if mine:
                change.set_vector(None if left is None else vector(left))
        self._follower.follow(collection)
        status = UserStatus.CREATED if left is None else UserStatus.ACTIVE
        return Change(moved=[each.face_id for each in mine], refused=refused, status=status)

    def _alike(
        self, free: list[Candidate], held: FloatArray | None, threshold: float
    ) -> tuple[list[Candidate], list[Refusal]]:
        rows = np.stack([each.embedding for each in free])
        person = vector(held) if held is not None else rows[most_central(rows)]
        alike, unlike = [], []
        for each, similarity in zip(free, self._gallery.compare(person, rows).tolist(), strict=True):
            if reaches(similarity, threshold):
                alike.append(each)
            else:
                unlike.append(Refusal(face_id=each.face_id, reason="LOW_MATCH_CONFIDENCE", similarity=similarity))
        return alike, unlike

    # -- search ----------------------------------------------------------------------------------------------

    def search(self, collection: Collection, probe: FloatArray, *, most: int, threshold: float) -> list[UserMatch]:
        """The `most` users most like a D-long unit probe whose similarity (0..100) reaches `threshold`, best first."""
        self._gallery.check_model(collection)
        least = self._gallery.least_cosine(threshold)
        for _ in range(_TRIES):
            (hits,) = self._follower.search_users(collection.key, probe[None], limit=most, threshold=least)
            users = self._users.by_vector_keys(hits.keys)
            if len(users) == len(hits.keys):
                break
        similarities = self._gallery.calibration.similarity(hits.cosines)
        rows = zip(hits.keys.tolist(), hits.cosines.tolist(), similarities.tolist(), strict=True)
        return [
            UserMatch(user=users[key], cosine=cosine, similarity=similarity)
            for key, cosine, similarity in rows
            if key in users and reaches(similarity, threshold)
        ]

    def search_user(self, collection: Collection, user_id: str, *, most: int, threshold: float) -> list[UserMatch]:
        """As `search`, by a user, who is not in their own result. Raises InvalidParameter for one without faces."""
        probe = self._users.vector(collection.key, user_id)
        if probe is None:
            raise InvalidParameter(f"The user {user_id} has no faces to search with; associate some first.")
        matches = self.search(collection, probe, most=most + 1, threshold=threshold)
        return [match for match in matches if match.user.id != user_id][:most]

    def search_face(self, collection: Collection, face_id: str, *, most: int, threshold: float) -> list[UserMatch]:
        """As `search`, by an enrolled face, whoever's it is."""
        return self.search(collection, self._gallery.embedding(collection, face_id), most=most, threshold=threshold)


def vector(embeddings: FloatArray) -> FloatArray:
    """The one vector of a person with these N×D unit embeddings: their mean, D long, made a unit vector."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), np.finfo(np.float32).tiny), np.float32)


def most_central(embeddings: FloatArray) -> int:
    """The row of N×D unit embeddings with the highest sum of cosines to all; the first of equals."""
    return int(np.argmax(np.round(embeddings @ embeddings.sum(axis=0), 5)))


def _sorted_out(
    change: UserChange, user_id: str, face_ids: Iterable[str], *, wanted: str | None
) -> tuple[list[Candidate], list[Refusal]]:
    """The faces that are `wanted`'s (None: nobody's), each once, in order; and why not the unknown and the others'.

    What is neither is as it should be already.
    """
    asked = list(dict.fromkeys(face_ids))
    found = change.candidates(asked)
    refused = [Refusal(face_id=each, reason="FACE_NOT_FOUND") for each in asked if each not in found]
    known = [found[each] for each in asked if each in found]
    refused += [
        Refusal(face_id=each.face_id, reason="ASSOCIATED_TO_A_DIFFERENT_USER", user_id=each.user_id)
        for each in known
        if each.user_id not in (None, user_id)
    ]
    return [each for each in known if each.user_id == wanted], refused


def _take_in(change: UserChange, user_id: str, new: Sequence[Candidate], held: FloatArray | None) -> None:
    rows = np.stack([each.embedding for each in new])
    everything = rows if held is None else np.concatenate([held, rows])
    if len(everything) > MOST_FACES:
        raise ServiceQuotaExceeded(
            f"The user {user_id} would have {len(everything)} faces; the most is {MOST_FACES}. Nothing was associated."
        )
    change.join([each.key for each in new])
    change.set_vector(vector(everything))
