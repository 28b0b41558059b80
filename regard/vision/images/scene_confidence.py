"""What a classifier's probabilities mean as labels of a whole picture: the share of such labels that is right.

The classifier was trained to leave some probability to every class, which adds up for a label of many classes, as
`Animal` of four hundred; so probabilities are sharpened first. It was not trained on portraits: where a face is large,
people wear something, and whatever else it believes to see is seldom there. Of a portrait's bare shoulders it makes
underwear and swimwear, and of curls a wig: these are never told of one.

The weights, in `label_confidence.toml`, are of a logistic regression on 1,620 labels of 507 pictures, each judged by
eye (docs/accuracy.md, Labels).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from regard.domain.arrays import FloatArray
from regard.vision.images.label_confidence import label_confidence
from regard.vision.images.taxonomy import taxonomy

_LEAST: Final = 1e-4


def scene_percents(probabilities: FloatArray, *, portrait: bool) -> FloatArray:
    """How certain each label is, 0..100, in the order of `taxonomy().names`, by the probabilities of all classes."""
    certain = 100 / (1 + np.exp(-evidence(probabilities, portrait=portrait) @ label_confidence().scenes.weights))
    told = (taxonomy().breadths > 0) & ~(portrait & taxonomy().bare)
    return np.asarray(np.where(told, certain, 0), np.float32)


def evidence(probabilities: FloatArray, *, portrait: bool) -> FloatArray:
    """Labels × weights: what is known of each label."""
    known = taxonomy()
    sharp = probabilities ** (1 / label_confidence().scenes.temperature)
    sums = np.clip(known.of_scenes((sharp / sharp.sum())[None])[0], _LEAST, 1 - _LEAST)
    classes = np.log(np.maximum(known.breadths, 1))
    worn = portrait & known.worn, portrait & ~known.worn
    return np.stack([np.ones_like(sums), np.log(sums / (1 - sums)), classes, *worn], axis=1)
