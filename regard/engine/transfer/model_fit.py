"""Whether embeddings are of the model that they are said to be of, as far as its codebook can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from regard.domain.arrays import FloatArray
from regard.index.embedded import codebook

#: Random directions at right angles to a model's own that an embedding is held against: 16 numbers instead of all.
_DIRECTIONS = 16
#: The most of an embedding's energy there. Of 2,099 embeddings of fr-feature the furthest has 0.00003, of 20,000 random
#: vectors the nearest 0.1.
_MOST_OUTSIDE = 0.01


@dataclass(frozen=True, slots=True)
class Strangers:
    """How many of the embeddings do not look like the model's, and how much of their energy lies where it has none:
    0 to 1, on average."""

    count: int
    share: float


class ModelFit:
    """Measures unit vectors against `face_model`; without a codebook of its own, every vector fits."""

    def __init__(self, face_model: str) -> None:
        self._outside = _outside(face_model)
        self._count = 0
        self._energy = 0.0

    def add(self, units: Any) -> None:
        """N×D unit vectors, of any floating-point kind."""
        if self._outside is None or units.shape[1] != len(self._outside):
            return
        energy = np.square(np.asarray(units, np.float32) @ self._outside).sum(axis=1)
        strange = energy > _MOST_OUTSIDE
        self._count += int(strange.sum())
        self._energy += float(energy[strange].sum())

    def strangers(self) -> Strangers:
        return Strangers(self._count, min(self._energy / self._count, 1.0) if self._count else 0.0)


def _outside(face_model: str) -> FloatArray | None:
    """D×16 directions outside the model's own, scaled so that a vector's energy along them is expected to be its energy
    outside (Johnson and Lindenstrauss 1984)."""
    book = codebook.of(face_model)
    if book is None or book.width == book.dimension:
        return None
    random = np.random.default_rng(0).standard_normal((book.dimension, _DIRECTIONS)) / np.sqrt(_DIRECTIONS)
    return np.asarray(random - book.projection @ (book.projection.T @ random), np.float32)
