"""Matching: vectors against what is enrolled in a collection. Every search ends here.

It is not a door: `face_search` and `user_search` check the grant, then ask here.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import Collection, Hits, Match, UserMatch
from regard.engine.galleries.collection_models import model_of
from regard.engine.galleries.rated_search import RatedSearch
from regard.errors import InvalidParameter
from regard.store.face_rows import FaceRows
from regard.store.feed_tables import FACE_FEED, USER_FEED
from regard.store.user_rows import UserRows
from regard.vision.faces.calibration import Calibration
from regard.vision.faces.face_model import KnownModels

#: How far below a threshold a Similarity still counts as reaching it: rounding by float32 and interpolation.
_ROUNDING = 1e-4
#: The similarity that two looks at one person have: one pair of strangers in a hundred reaches it, and of mates in
#: different photographs (`lfw-dev`) all but 3 to 4 in a thousand, with either built-in model.
_OF_ONE_PERSON = 40.0
#: How often a search is tried: a vector that it found may be replaced before its user is read.
_TRIES = 50


class Index(Protocol):
    """What is searched. A process that only writes has none: processes that search follow SQL themselves."""

    def follow(self, collection: Collection, /) -> None:
        """Bring the index up to date with what was written to the collection."""

    def search(
        self, feed: str, collection_key: int, probes: FloatArray, /, *, limit: int, threshold: float
    ) -> list[Hits]:
        """As `VectorIndex.search`, over everything stored so far."""


class Matcher:
    """Finds the faces and users of a collection that are similar to a probe, which is of the collection's model."""

    def __init__(self, *, models: KnownModels, index: Index, faces: FaceRows, users: UserRows) -> None:
        self.models = models
        self._index = index
        self._faces = faces
        self._users = users

    def faces(
        self,
        collection: Collection,
        probes: FloatArray,
        utilities: FloatArray | None = None,
        *,
        most: int,
        threshold: float,
    ) -> list[list[Match]]:
        """For each M×D unit probe, up to `most` faces whose similarity (0 to 100) reaches `threshold`, best first.
        `utilities` are the M probes', NaN where not known."""
        search = self._search(collection, FACE_FEED.feed, threshold)
        ranked = search.ranked(probes, utilities, most, self._utilities)
        faces = self._faces.by_keys({key for each in ranked for key, _, _ in each})
        return [
            [
                Match(face=faces[key], cosine=cosine, similarity=similarity)
                for key, cosine, similarity in each
                if key in faces and reaches(similarity, threshold)
            ]
            for each in ranked
        ]

    def users(
        self, collection: Collection, probe: FloatArray, utility: float | None = None, *, most: int, threshold: float
    ) -> list[UserMatch]:
        """For a D-long unit probe, up to `most` users whose similarity reaches `threshold`, best first."""
        search = self._search(collection, USER_FEED.feed, threshold)
        rated = None if utility is None else np.array([utility], np.float32)
        for _ in range(_TRIES):
            (ranked,) = search.ranked(probe[None], rated, most, self._users.utilities)
            keys = np.array([key for key, _, _ in ranked], np.int64)
            users = self._users.by_vector_keys(keys)
            if len(users) == len(keys):
                break
        return [
            UserMatch(user=users[key], cosine=cosine, similarity=similarity)
            for key, cosine, similarity in ranked
            if key in users and reaches(similarity, threshold)
        ]

    def embedding(self, collection: Collection, face_id: str) -> FloatArray:
        """An enrolled face's unit vector, D long. Raises InvalidParameter if the collection has no such face."""
        found = self._faces.embedding(collection.key, face_id)
        if found is None:
            raise InvalidParameter(
                "faceId was not found in the collection.",
                detail="The face was deleted, or is of another collection; ListFaces has those of this one.",
            )
        return found

    def alike(
        self, collection: Collection, probes: FloatArray, *, most: int, least_cosine: float
    ) -> list[list[tuple[int, float]]]:
        """For each M×D unit probe, the keys of up to `most` faces and their cosines, from `least_cosine` on."""
        found = self._index.search(FACE_FEED.feed, collection.key, probes, limit=most, threshold=least_cosine)
        return [list(zip(each.keys.tolist(), each.cosines.tolist(), strict=True)) for each in found]

    def utility(self, collection: Collection, face_id: str) -> float | None:
        """An enrolled face's utility, if it is known."""
        return next((face.utility for face in self._faces.get(collection.key, [face_id])), None)

    def similarities(
        self, collection: Collection, probe: FloatArray, candidates: FloatArray, utilities: FloatArray | None = None
    ) -> FloatArray:
        """Similarities (0 to 100) of one D-long embedding with N×D others, all of the collection's model; `utilities`
        are each pair's."""
        return self._calibration(collection).similarity(np.asarray(candidates @ probe, np.float32), utilities)

    def expected_false(self, collection: Collection, threshold: float, size: int) -> float:
        """The number of false candidates to expect by chance in a gallery of that size: N × FMR (ISO/IEC 19795-1)."""
        return size * self._calibration(collection).false_match_rate(threshold)

    def least_of_looks(self, collection: Collection) -> float:
        """The cosine below which two looks are taken to be at two people."""
        return self._calibration(collection).cosine(_OF_ONE_PERSON)

    def check_model(self, collection: Collection) -> None:
        """Raises ResourceNotReady if the collection's model is not known here."""
        self._calibration(collection)

    def follow(self, collection: Collection) -> None:
        """After a write to the collection: bring its index up to date."""
        self._index.follow(collection)

    def _search(self, collection: Collection, feed: str, threshold: float) -> RatedSearch:
        def search(probes: FloatArray, limit: int, least: float) -> list[Hits]:
            return self._index.search(feed, collection.key, probes, limit=limit, threshold=least)

        return RatedSearch(self._calibration(collection), search, threshold)

    def _utilities(self, keys: IntArray) -> FloatArray:
        found = self._faces.by_keys(keys.tolist())
        known = (found[key].utility if key in found else None for key in keys.tolist())
        return np.array([np.nan if each is None else each for each in known], np.float32)

    def _calibration(self, collection: Collection) -> Calibration:
        return model_of(self.models, collection).calibration


def reaches(similarity: float, threshold: float) -> bool:
    return similarity >= threshold - _ROUNDING
