"""Object detectors: pictures in, boxes of COCO's 80 classes out. Two small models together are right more often than
either alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from regard.domain.arrays import BoolArray, ByteArray, FloatArray, IntArray
from regard.vision.geometry import nms, overlaps, resized
from regard.vision.images.object_decoders import DECODERS, Candidates
from regard.vision.preprocess import Preprocess
from regard.vision.session import Session

#: Less is not worth looking at: of boxes that one model gives so little to, and of those that both together do, hardly
#: any is an object. Of people it is often one if the box has a face of its own.
_LEAST_SCORE: Final = 0.1
LEAST_FUSED: Final = 0.2
LEAST_WITH_FACE: Final = 0.1
#: Boxes of one class that overlap more are one object: within a model, and between two.
_MOST_OVERLAP: Final = 0.6
_SAME_OVERLAP: Final = 0.5
#: Boxes of two classes that overlap more are two names for one object.
_OTHER_OVERLAP: Final = 0.8
#: A box that shares so much of the smaller of the two with a better one of its class, and has less than that part of
#: its score, is the same object again: a herd's animals score alike. People hide each other too often for it.
_AGAIN_OVERLAP, _AGAIN_SCORE = 0.5, 0.6
_PERSON: Final = 0
MOST_OBJECTS: Final = 100


@dataclass(frozen=True, slots=True)
class DetectorModel:
    """A loaded detector, and how its input is made and its output read."""

    session: Session
    family: str
    preprocess: Preprocess

    def prepared(self, picture: ByteArray) -> FloatArray:
        """A picture as it takes one, squeezed into its square whatever the proportions."""
        side = self.preprocess.side
        return self.preprocess(resized(picture, side, side)[None])

    def find(self, batch: FloatArray) -> Candidates:
        """The objects of one such picture, each once, best first."""
        outputs = dict(zip(self.session.outputs, self.session.run(batch), strict=True))
        return _distinct(DECODERS[self.family](outputs, self.preprocess.side, _LEAST_SCORE))


class ObjectDetector:
    """Several detectors of the same classes as one. Safe for threads; list in, list out."""

    def __init__(self, models: Sequence[DetectorModel]) -> None:
        self.models = tuple(models)

    def detect(self, pictures: Sequence[ByteArray]) -> list[Candidates]:
        """The objects of each H×W×3 RGB picture, best first, MOST_OBJECTS at most."""
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: ByteArray) -> Candidates:
        # All at first: a run of a model drives the picture out of the processor's cache.
        batches = [model.prepared(picture) for model in self.models]
        return fused([model.find(batch) for model, batch in zip(self.models, batches, strict=True)])


def fused(found: Sequence[Candidates]) -> Candidates:
    """What several models found, as one: the mean of their boxes by score, and the mean of their scores, in which a
    model that did not find it counts as 0 (weighted boxes fusion, Solovyev et al. 2021). Of people also what has only
    LEAST_WITH_FACE, after all else."""
    every = Candidates.joined(list(found))
    source = np.repeat(np.arange(len(found)), [len(each.scores) for each in found])
    shared = overlaps(every.boxes, every.boxes)
    shared[(every.classes[:, None] != every.classes) | (source[:, None] == source) | (shared < _SAME_OVERLAP)] = 0
    free = np.ones(len(source), bool)
    boxes, scores, classes = [], [], []
    hopeful = shared.any(axis=1) | (every.scores >= _least(every.classes) * len(found))
    for row in np.argsort(-every.scores, kind="stable").tolist():
        if not (free[row] and hopeful[row]):
            continue
        members = [row, *_partners(shared[row] * free, source)]
        free[members] = False
        weights = every.scores[members, None]
        boxes.append((every.boxes[members] * weights).sum(axis=0) / weights.sum())
        scores.append(weights.sum() / len(found))
        classes.append(every.classes[row])
    together = Candidates(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(classes, np.int64)
    )
    together = together.take(np.flatnonzero(together.scores >= _least(together.classes)))
    best = nms(together.boxes, together.scores, _OTHER_OVERLAP)[:MOST_OBJECTS]
    best = best[~_again(together.take(best))]
    return Candidates(np.clip(together.boxes[best], 0, 1), together.scores[best], together.classes[best])


def _least(classes: IntArray) -> FloatArray:
    return np.where(classes == _PERSON, LEAST_WITH_FACE, LEAST_FUSED).astype(np.float32)


def _again(found: Candidates) -> BoolArray:
    """Which of N boxes, best first, are most likely their better neighbour once more: a tie beside the tie."""
    least, most = (
        pick(found.boxes[:, None, corners], found.boxes[None, :, corners])
        for pick, corners in ((np.maximum, slice(0, 2)), (np.minimum, slice(2, 4)))
    )
    areas = np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)
    shared = np.prod(np.clip(most - least, 0, None), axis=2) / np.maximum(np.minimum(areas[:, None], areas), 1e-9)
    same = (found.classes[:, None] == found.classes) & (found.classes[:, None] != _PERSON)
    worse = found.scores[:, None] < _AGAIN_SCORE * found.scores
    return np.asarray((same & worse & (shared >= _AGAIN_OVERLAP)).any(axis=1), bool)


def _partners(shared: FloatArray, source: IntArray) -> list[int]:
    """Of every model the box that shares most with one, if any shares enough."""
    best: dict[int, int] = {}
    for row in np.flatnonzero(shared).tolist():
        known = best.setdefault(int(source[row]), row)
        if shared[row] > shared[known]:
            best[int(source[row])] = row
    return list(best.values())


def _distinct(found: Candidates) -> Candidates:
    """Without what overlaps a better one of its class: classes are moved apart, so that they do not meet."""
    apart = found.boxes + 2 * found.classes[:, None]
    return found.take(nms(apart.astype(np.float32), found.scores, _MOST_OVERLAP))
