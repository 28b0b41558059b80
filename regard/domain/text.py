"""Text found in one image: lines of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.images import Box

#: 4×2: a word's corners in ratios of the image's sides, clockwise, beginning at the upper left of what is written.
Corners = FloatArray


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
        first, last = self.words[0].corners, self.words[-1].corners
        return np.stack([first[0], last[1], last[2], first[3]])

    @property
    def box(self) -> Box:
        return box_about(np.concatenate([word.corners for word in self.words]))


def box_about(points: FloatArray | Sequence[Sequence[float]]) -> Box:
    """The upright box about points in ratios, without what is outside the image."""
    inside = np.clip(points, 0, 1)
    (left, top), (right, bottom) = inside.min(axis=0).tolist(), inside.max(axis=0).tolist()
    return Box(left=left, top=top, width=right - left, height=bottom - top)
