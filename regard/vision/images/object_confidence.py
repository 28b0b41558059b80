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
    """Of N boxes: their `scores`, which are `persons`, and how probable it is, 0..1, that such a one has a face of its
    own, and that the picture, or the box by itself, shows their kind.

    `garment` is how probable it is that the picture shows a garment that nobody wears.
    """

    scores: FloatArray
    persons: BoolArray
    faces: FloatArray
    kinds: FloatArray
    garment: float

    def percent(self) -> FloatArray:
        """N percentages, 0..100."""
        weights = label_confidence().objects
        ones = np.ones_like(self.scores)
        none, garment = np.zeros_like(self.scores), np.full_like(self.scores, self.garment)
        faced, faceless, others = (
            1 / (1 + np.exp(-np.stack([ones, self.scores, *known], axis=1) @ of))
            for known, of in (
                ((none, ones), weights.person),
                ((garment, none), weights.person),
                ((garment, self.kinds), weights.other),
            )
        )
        persons = self.faces * faced + (1 - self.faces) * faceless
        return np.asarray(100 * np.where(self.persons, persons, others), np.float32)
