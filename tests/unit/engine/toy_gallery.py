"""Galleries of made-up faces, for tests that need no picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.faces import Faces
from regard.domain.galleries import Collection
from regard.engine.galleries.gallery import Enrolment, Gallery
from regard.engine.galleries.user_vectors import Users
from regard.index.vector_index import VectorIndex
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows
from regard.sync.index_sync import IndexSync

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class House:
    """A gallery on a database of its own, and what it stands on."""

    gallery: Gallery
    people: Users
    rows: CollectionRows
    face_rows: FaceRows
    follower: IndexSync
    index: VectorIndex
    users_index: VectorIndex

    def collection(self, name: str = "staff") -> Collection:
        return self.gallery.create(name, {})


def like(vector: FloatArray, cosine: float, seed: int = 9) -> FloatArray:
    """A unit vector at `cosine` to another."""
    other = unit_rows(1, seed)[0]
    other = other - (other @ vector) * vector
    other /= np.linalg.norm(other)
    return np.asarray(cosine * vector + np.sqrt(1 - cosine**2) * other, np.float32)


def unit_rows(count: int, seed: int = 0) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((count, 512), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def made_up(embeddings: FloatArray, *, shift: float = 0.0) -> Faces:
    """Faces side by side with these embeddings."""
    count = len(embeddings)
    boxes = np.tile(np.array([0, 0.1, 0.05, 0.1], np.float32), (count, 1))
    boxes[:, 0] = np.arange(count) / max(count, 1) + shift
    points = np.zeros((count, 5, 2), np.float32)
    return Faces(boxes=boxes, scores=np.full(count, 0.9, np.float32), points=points, embeddings=embeddings)


def enrolment(embeddings: FloatArray, image_id: str = "picture", external: str | None = None) -> Enrolment:
    return Enrolment(image_id=image_id, external_image_id=external, faces=made_up(embeddings))
