"""Galleries: collections of enrolled faces. SQL first, then the index that follows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.faces import Faces
from regard.domain.galleries import Collection, Face, Hits, Match
from regard.engine.analysis.image_loader import uuid_of
from regard.errors import InvalidParameter, ResourceNotReady
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import Deletion, FaceRows, NewFace
from regard.vision.faces.calibration import Calibration
from regard.vision.faces.face_embedder import Embedder


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """The faces of one picture (with embeddings) on their way into a collection."""

    image_id: str
    external_image_id: str | None
    faces: Faces


class Follows(Protocol):
    """Whose business the index is; nobody's in a process that only writes, for those who search follow SQL."""

    def follow(self, collection: Collection, /) -> None:
        """What was written to the collection is for the index too."""

    def search_faces(self, collection_key: int, probes: FloatArray, /, *, limit: int, threshold: float) -> list[Hits]:
        """As `VectorIndex.search`, of all that is stored."""


#: What a Similarity may lack of a threshold and still reach it: the rounding of float32 and of interpolation.
_SHORT = 1e-4


class Gallery:
    """Every collection: create, enrol, search, delete."""

    def __init__(
        self,
        *,
        collections: CollectionRows,
        faces: FaceRows,
        follower: Follows,
        embedder: Callable[[], Embedder],
        clock: Callable[[], datetime],
    ) -> None:
        self._collections = collections
        self._faces = faces
        self._follower = follower
        self._embedder = embedder
        self._clock = clock

    # -- collections -----------------------------------------------------------------------------------------

    @property
    def face_model(self) -> str:
        """What a collection made now is bound to."""
        return self._embedder().version

    def create(self, collection_id: str, tags: dict[str, str]) -> Collection:
        return self._collections.create(collection_id, self.face_model, tags, self._clock())

    def get(self, collection_id: str) -> Collection:
        return self._collections.get(collection_id)

    def page(self, after: int, limit: int) -> list[Collection]:
        """Up to `limit` collections, oldest first, those with a key above `after`."""
        return self._collections.page(after, limit)

    def size(self, collection: Collection) -> int:
        return self._collections.face_count(collection.key)

    def user_count(self, collection: Collection) -> int:
        return self._collections.user_count(collection.key)

    def delete(self, collection_id: str) -> None:
        self._follower.follow(self._collections.delete(collection_id))

    # -- faces -----------------------------------------------------------------------------------------------

    def enrol(self, collection: Collection, enrolments: Sequence[Enrolment]) -> list[list[Face]]:
        """Store the faces of each picture, durably, before returning; a face already there is returned as it is."""
        self.check_model(collection)
        new = [_new_face(collection, each, row) for each in enrolments for row in range(len(each.faces))]
        stored: list[Face] = []
        if new:
            vectors = np.concatenate([_embeddings(each.faces) for each in enrolments if len(each.faces)])
            stored = self._faces.add(collection.key, new, vectors, collection.face_model, self._clock())
            self._follower.follow(collection)
        ends = np.cumsum([len(each.faces) for each in enrolments])
        return [stored[end - len(each.faces) : end] for each, end in zip(enrolments, ends, strict=True)]

    def faces(
        self,
        collection: Collection,
        after: int,
        limit: int,
        face_ids: Sequence[str] | None = None,
        user_id: str | None = None,
    ) -> list[Face]:
        """Up to `limit` faces by key, above `after`; only those named, and only that user's, where names are given."""
        return self._faces.page(collection.key, after, limit, face_ids, user_id)

    def delete_faces(self, collection: Collection, face_ids: Sequence[str]) -> Deletion:
        """Delete those of the faces that are there and are no user's."""
        deletion = self._faces.delete(collection.key, face_ids)
        self._follower.follow(collection)
        return deletion

    def embedding(self, collection: Collection, face_id: str) -> FloatArray:
        """An enrolled face's unit vector, D long. Raises InvalidParameter when the collection has no such face."""
        found = self._faces.embedding(collection.key, face_id)
        if found is None:
            raise InvalidParameter(f"faceId {face_id} was not found in the collection {collection.id}.")
        return found

    # -- search ----------------------------------------------------------------------------------------------

    def search(self, collection: Collection, probes: FloatArray, *, most: int, threshold: float) -> list[list[Match]]:
        """For each of M×D unit probes the `most` best faces whose similarity (0..100) reaches `threshold`."""
        self.check_model(collection)
        least = self.least_cosine(threshold)
        found = self._follower.search_faces(collection.key, probes, limit=most, threshold=least)
        faces = self._faces.by_keys({int(key) for hits in found for key in hits.keys})
        results = []
        for hits in found:
            similarities = self.calibration.similarity(hits.cosines)
            rows = zip(hits.keys.tolist(), hits.cosines.tolist(), similarities.tolist(), strict=True)
            results.append(
                [
                    Match(face=faces[key], cosine=cosine, similarity=similarity)
                    for key, cosine, similarity in rows
                    if key in faces and reaches(similarity, threshold)
                ]
            )
        return results

    def search_face(self, collection: Collection, face_id: str, *, most: int, threshold: float) -> list[Match]:
        """As `search`, by an enrolled face, which is not in its own result."""
        probe = self.embedding(collection, face_id)
        matches = self.search(collection, probe[None], most=most + 1, threshold=threshold)[0]
        return [match for match in matches if match.face.face_id != face_id][:most]

    def compare(self, probe: FloatArray, candidates: FloatArray) -> FloatArray:
        """Similarities (0..100) of one D-long embedding with N×D others."""
        return self.calibration.similarity(np.asarray(candidates @ probe, np.float32))

    @property
    def calibration(self) -> Calibration:
        return self._embedder().calibration

    def least_cosine(self, threshold: float) -> float:
        """What to ask an index for, so that nothing of this similarity is left out."""
        return -1.0 if threshold <= 0 else self.calibration.cosine(threshold) - 1e-6

    def check_model(self, collection: Collection) -> None:
        """Raises ResourceNotReady for a collection whose embeddings this server's embedder does not make."""
        if collection.face_model != self.face_model:
            raise ResourceNotReady(
                f"The collection {collection.id} holds faces of the model {collection.face_model}; this server runs "
                f"{self.face_model}. Start it with that embedder, or index the pictures into a new collection."
            )


def reaches(similarity: float, threshold: float) -> bool:
    return similarity >= threshold - _SHORT


def _new_face(collection: Collection, enrolment: Enrolment, row: int) -> NewFace:
    box = enrolment.faces.box(row)
    place = f"{box.left:.4f} {box.top:.4f} {box.width:.4f} {box.height:.4f}"
    name = "\n".join([enrolment.image_id, collection.face_model, enrolment.external_image_id or "", place])
    return NewFace(
        face_id=uuid_of(b"face", name.encode()),
        image_id=enrolment.image_id,
        external_image_id=enrolment.external_image_id,
        box=box,
        confidence=float(enrolment.faces.scores[row]) * 100,
    )


def _embeddings(faces: Faces) -> FloatArray:
    if faces.embeddings is None:
        raise ValueError("faces are enrolled with their embeddings")
    return faces.embeddings
