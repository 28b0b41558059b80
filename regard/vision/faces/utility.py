"""Utility: how much of whose face it is a picture still shows, 0 to 100, read from the embedder's own output.

What makes a picture poor for an embedder shows in what it writes: its vector is shorter, and turns to where all such
pictures turn, each kind to a place of its own. A small network was fitted to that by `benchmarks.utility`, on pictures
that were made poor; docs/accuracy.md has what it is worth for pictures that it was not fitted on.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np

from regard.domain.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class UtilityModel:
    """Utility = max(0, u · `direction` + (1, l, l²) · `length`) · `answers` + `constant`, for a unit vector u of D
    numbers that was l long.

    `direction` is D×H, `length` 3×H, `answers` H long, `constant` 1. Raises ValueError for arrays of other shapes.
    """

    direction: FloatArray
    length: FloatArray
    answers: FloatArray
    constant: FloatArray

    def __post_init__(self) -> None:
        hidden = self.answers.shape
        if len(hidden) != 1 or self.direction.shape[1:] != hidden or self.length.shape != (3, *hidden):
            raise ValueError(f"its arrays are {[getattr(self, each.name).shape for each in fields(self)]}")

    def of(self, units: FloatArray, lengths: FloatArray) -> FloatArray:
        """N utilities, 0 to 100, of N×D unit rows and the lengths that they had."""
        powers = np.stack([np.ones_like(lengths), lengths, lengths**2], axis=1)
        seen = np.maximum(units @ self.direction + powers @ self.length, 0)
        return np.asarray(np.clip(seen @ self.answers + self.constant, 0, 100), np.float32)

    def save(self, file: Path) -> None:
        np.savez(file, **{each.name: getattr(self, each.name) for each in fields(self)})


@cache
def of(face_model: str) -> UtilityModel | None:
    """What was fitted for the face model of this version, if anything."""
    file = Path(__file__).with_name("utilities") / f"{face_model}.npz"
    if not file.is_file():
        return None
    with np.load(file) as stored:
        return UtilityModel(**{each.name: np.asarray(stored[each.name], np.float32) for each in fields(UtilityModel)})
