"""Text found in one image: lines of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.images import Box

#: 4×2: a word's corners in ratios of the image's sides, clockwise, beginning at the upper left of what is written.
Corners = FloatArray
#: Words of less area, in squares of ratios, have no direction.
_FLAT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Word:
    """Characters without a space between them. `confidence` is 0..100."""

    text: str
    confidence: float
    corners: Corners

    @property
    def box(self) -> Box:
        return box_about(self.corners)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """Words that stand in a line, in the order they are read in, one at least."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def confidence(self) -> float:
        """The words' mean."""
        return sum(word.confidence for word in self.words) / len(self.words)

    @property
    def corners(self) -> Corners:
        """A parallelogram about all words, which lies as they do."""
        words = np.stack([word.corners for word in self.words]).astype(np.float64)
        upper_left, upper_right, lower_right, lower_left = words.sum(axis=0)
        along, down = upper_right - upper_left + lower_right - lower_left, lower_left - upper_left
        sides = np.stack([along, down + lower_right - upper_right])
        if abs(np.linalg.det(sides)) < _FLAT:
            return self.words[0].corners
        places = words.reshape(-1, 2) @ np.linalg.inv(sides)
        (left, top), (right, bottom) = places.min(axis=0), places.max(axis=0)
        return np.asarray(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) @ sides, np.float32)

    @property
    def box(self) -> Box:
        return box_about(self.corners)


def box_about(points: FloatArray | Sequence[Sequence[float]]) -> Box:
    """The upright box about points in ratios, without what is outside the image."""
    inside = np.clip(points, 0, 1)
    (left, top), (right, bottom) = inside.min(axis=0).tolist(), inside.max(axis=0).tolist()
    return Box(left=left, top=top, width=right - left, height=bottom - top)
