"""Utility: how much of whose face it is a picture still shows, 0 to 100, read from the embedder's own output.

What makes a picture poor for an embedder shows in what it writes: its vector is shorter, and turns to where all such
pictures turn. So the utility is a straight line in the vector's direction and its length, fitted by
`benchmarks.utility` on pictures that were made poor; docs/accuracy.md has what that is worth for pictures it was not
fitted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from regard.domain.arrays import FloatArray

_FIELDS = ("direction", "length")


@dataclass(frozen=True, eq=False)
class UtilityModel:
    """Utility = `direction` · unit vector + `length` · (1, l, l²) for vectors of D numbers and length l.

    `direction` is D long, `length` 3. Raises ValueError for arrays of other shapes.
    """

    direction: FloatArray
    length: FloatArray

    def __post_init__(self) -> None:
        if self.direction.ndim != 1 or self.length.shape != (3,):
            raise ValueError(f"its arrays are {self.direction.shape} and {self.length.shape}")

    def of(self, units: FloatArray, lengths: FloatArray) -> FloatArray:
        """N utilities, 0 to 100, of N×D unit rows and the lengths that they had."""
        powers = np.stack([np.ones_like(lengths), lengths, lengths**2], axis=1)
        return np.asarray(np.clip(units @ self.direction + powers @ self.length, 0, 100), np.float32)

    def save(self, file: Path) -> None:
        np.savez(file, **{name: getattr(self, name) for name in _FIELDS})


@cache
def of(face_model: str) -> UtilityModel | None:
    """What was fitted for the face model of this version, if anything."""
    file = Path(__file__).with_name("utilities") / f"{face_model}.npz"
    if not file.is_file():
        return None
    with np.load(file) as stored:
        return UtilityModel(*(np.asarray(stored[name], np.float32) for name in _FIELDS))
