"""What a detector's score for an object means beside the rest of the picture: the share of such boxes that is right.

Two small detectors are often mistaken where there is nothing but a garment laid out: they take it for the person who
could wear it, or for the bed under it. A face tells these apart, and a classifier tells that there is a garment. An
object is likelier where the classifier sees its kind: in the picture as a whole, or in the object by itself.

The weights, in `label_confidence.toml`, are of logistic regressions on 862 boxes of 518 pictures, each judged by eye
(docs/accuracy.md, Labels).
The best score of the class in the picture made nothing better there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import BoolArray, FloatArray
from regard.vision.images.label_confidence import label_confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Of N boxes: their `scores`, which are `persons`, which of these have a face of their own, and how probable it is,
    0..1, that the picture, or the box by itself, shows their kind.

    `garment` is how probable it is that the picture shows a garment that nobody wears.
    """

    scores: FloatArray
    persons: BoolArray
    faces: BoolArray
    kinds: FloatArray
    garment: float

    def percent(self) -> FloatArray:
        """N percentages, 0..100."""
        weights = label_confidence().objects
        ones = np.ones_like(self.scores)
        garment = np.full_like(self.scores, self.garment)
        persons = np.stack([ones, self.scores, np.where(self.faces, 0, garment), self.faces], axis=1) @ weights.person
        others = np.stack([ones, self.scores, garment, self.kinds], axis=1) @ weights.other
        return np.asarray(100 / (1 + np.exp(-np.where(self.persons, persons, others))), np.float32)
