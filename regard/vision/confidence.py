"""What a model's scores mean: the share that is true of all that has such a score, measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from regard.domain.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Confidence:
    """A line through (score, share) points of one model, both within 0 and 1 and rising; level before and after.

    Raises ValueError for points that are no such line.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.points) < 2:
            raise ValueError(f"it has {len(self.points)} points; a line needs two [score, share] pairs at least")
        for point in self.points:
            if not all(0 <= number <= 1 for number in point):
                raise ValueError(f"it has the point {list(point)}; a score and a share are within 0 and 1")
        for before, after in pairwise(self.points):
            if not (before[0] < after[0] and before[1] < after[1]):
                raise ValueError(
                    f"{list(after)} follows {list(before)}; scores and shares must rise from point to point"
                )

    def percent(self, scores: FloatArray) -> FloatArray:
        """The percentage that is true, 0..100, of all that has these scores."""
        known, shares = np.array(self.points).T
        return np.asarray(100 * np.interp(scores, known, shares), np.float32)

    def score(self, share: float) -> float:
        """The inverse: the score of which this share, 0..1, is true."""
        known, shares = np.array(self.points).T
        return float(np.interp(share, shares, known))
