"""What detectors of COCO's 80 classes give out, as boxes: pure functions on arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Final

import numpy as np

from regard.domain.arrays import FloatArray, IntArray

CLASSES: Final = 80
#: NanoDet tells the distance to each side as a distribution over so many bins, each a stride wide.
_BINS: Final = 11


@dataclass(frozen=True, slots=True)
class Candidates:
    """N boxes as corners N×4 in ratios of the picture's sides, their scores 0..1, and their classes."""

    boxes: FloatArray
    scores: FloatArray
    classes: IntArray

    def take(self, rows: IntArray) -> Candidates:
        return Candidates(self.boxes[rows], self.scores[rows], self.classes[rows])

    @classmethod
    def joined(cls, parts: list[Candidates]) -> Candidates:
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.classes for part in parts]),
        )


def _centernet(outputs: Mapping[str, FloatArray], side: int, least: float) -> Candidates:
    """CenterNet (Zhou et al. 2019), which suppresses by itself: rows of corners in pixels, score, class."""
    rows = outputs["tower_0/detections"][0]
    rows = rows[rows[:, 4] >= least]
    return Candidates(np.asarray(rows[:, :4] / side, np.float32), rows[:, 4], rows[:, 5].astype(np.int64))


def _nanodet(outputs: Mapping[str, FloatArray], _: int, least: float) -> Candidates:
    """NanoDet: for each of three grids the scores of classes, and distances as in generalised focal loss (Li et al.
    2020), whose expectation over the bins counts."""
    values = list(outputs.values())
    scores = {each.shape[1]: each[0] for each in values if each.shape[2] == CLASSES}
    distances = {each.shape[1]: each[0] for each in values if each.shape[2] == 4 * _BINS}
    return Candidates.joined([_cells(scores[cells], distances[cells], least) for cells in sorted(scores)])


def _cells(scores: FloatArray, distances: FloatArray, least: float) -> Candidates:
    """The candidates of one square grid; `scores` are cells × classes."""
    across = isqrt(len(scores))
    cells, classes = np.divmod(np.flatnonzero(scores >= least), scores.shape[1])
    weights = np.exp(distances[cells].reshape(-1, 4, _BINS))
    weights /= weights.sum(axis=2, keepdims=True)
    reach = weights @ np.arange(_BINS, dtype=np.float32) / across
    rows, columns = np.divmod(cells, across)
    centres = (np.stack([columns, rows], axis=1) + 0.5) / across
    boxes = np.concatenate([centres - reach[:, :2], centres + reach[:, 2:]], axis=1)
    return Candidates(boxes.astype(np.float32), scores[cells, classes], classes)


#: By a card's family: from a model's outputs, the side of its square picture and the least score to candidates, which
#: may be many for one object.
DECODERS: Mapping[str, Callable[[Mapping[str, FloatArray], int, float], Candidates]] = {
    "centernet": _centernet,
    "nanodet": _nanodet,
}
