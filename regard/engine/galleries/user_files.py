"""One user with all their faces, the most doubtful first, and what more pictures would change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from regard.accountability.cases import Cases
from regard.accountability.gate import Grant
from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.galleries import Collection, Face, User
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.user_likenesses import looks_for_nobody
from regard.engine.galleries.user_record import deletes_for_good
from regard.engine.galleries.user_vectors import MOST_USER_FACES
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.feed_tables import FACE_FEED
from regard.store.separation_rows import SeparationRows
from regard.store.user_rows import UserRows
from regard.store.vector_rows import VectorRows
from regard.vision.faces.calibration import pair_utilities

#: How many different pictures a user's vector takes: with more it finds hardly any others (docs/guides/users.md).
ENOUGH_PICTURES = 4
#: The similarity below which a face is likely somebody else's: see `matching._OF_ONE_PERSON`.
_DOUBTFUL = 40.0
#: The mean cosine of a user's faces above which they show the same moment or pose again (docs/guides/users.md).
_SAME_LOOK = 0.85


class Advice(StrEnum):
    """What would make a user easier to find: a first picture, more pictures, others than these, or nothing; or first to
    look at faces that seem to be somebody else's."""

    FIRST = "first"
    MORE = "more"
    OTHERS = "others"
    ENOUGH = "enough"
    DOUBTS = "doubts"


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirFace:
    """A face of a user, and its similarity (0..100) to what all others of them make together: None for an only face,
    for one that is damaged, and where to say who is like whom takes a search."""

    face: Face
    likeness: float | None
    doubtful: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFile:
    """A user, their faces, the most doubtful first, those that were said not to be theirs, and what to do next.
    `final`: a user who is deleted cannot be brought back."""

    user: User
    faces: list[TheirFace]
    apart: list[Face]
    advice: Advice
    final: bool


class UserFiles:
    """Shows users."""

    def __init__(self, database: Database, matcher: Matcher, cases: Cases) -> None:
        self._collections = CollectionRows(database)
        self._users, self._faces = UserRows(database), FaceRows(database)
        self._vectors, self._separations = VectorRows(database, FACE_FEED), SeparationRows(database)
        self._matcher = matcher
        self._cases = cases

    def show(self, grant: Grant, collection_id: str, user_id: str) -> UserFile:
        """Raises ResourceNotFound, ResourceNotReady."""
        grant.require(Action.READ, collection_id)
        self._cases.require_listing(grant)
        collection = self._collections.get(collection_id)
        user = self._users.get(collection.key, user_id)
        faces = {each.key: each for each in self._faces.page(collection.key, 0, MOST_USER_FACES, user_id=user_id)}
        keys = [*faces]
        known, rows = self._vectors.among(collection.key, np.array(keys, np.int64))
        if looks_for_nobody(grant):
            rows = rows[:0]  # neither the order nor the advice tells what the scores would
        likeness = self._likeness(collection, [faces[key] for key in known.tolist()], rows)
        found = [(faces[key], likeness.get(key)) for key in keys]
        found.sort(key=lambda each: np.inf if each[1] is None else each[1])
        apart = self._faces.by_keys(self._separations.of_user(collection.key, user_id))
        theirs = [
            TheirFace(face=face, likeness=value, doubtful=value is not None and value < _DOUBTFUL)
            for face, value in found
        ]
        grant.note(user=user_id, faces=[each.face_id for each in faces.values()])
        return UserFile(
            user=user,
            faces=theirs,
            apart=list(apart.values()),
            advice=_advice(theirs, rows),
            final=deletes_for_good(grant.rules),
        )

    def _likeness(self, collection: Collection, faces: list[Face], rows: FloatArray) -> dict[int, float]:
        """By the face's key, the similarity of each of N faces to the vector of the others."""
        if len(rows) < 2:
            return {}
        others = rows.sum(axis=0, dtype=np.float64) - rows
        others /= np.maximum(np.linalg.norm(others, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        utilities = np.array([np.nan if each.utility is None else each.utility for each in faces], np.float32)
        found = {}
        for row, face in enumerate(faces):
            rest = np.delete(utilities, row)
            mean = float(np.nanmean(rest)) if np.isfinite(rest).any() else None
            one = np.asarray(others[row], np.float32)
            pair = pair_utilities(mean, utilities[row : row + 1])
            found[face.key] = float(self._matcher.similarities(collection, one, rows[row : row + 1], pair)[0])
        return found


def _advice(faces: list[TheirFace], rows: FloatArray) -> Advice:
    if not faces:
        return Advice.FIRST
    if any(each.doubtful for each in faces):
        return Advice.DOUBTS
    if len(rows) >= 2 and _mean_cosine(rows) > _SAME_LOOK:
        return Advice.OTHERS
    return Advice.ENOUGH if len(faces) >= ENOUGH_PICTURES else Advice.MORE


def _mean_cosine(rows: FloatArray) -> float:
    """Of all pairs of N×D unit rows."""
    count = len(rows)
    together = float(np.square(rows.sum(axis=0, dtype=np.float64)).sum())
    return (together - count) / (count * (count - 1))
