"""What a classifier's probabilities mean as labels of a whole picture: the share of such labels that is right.

The classifier was trained to leave some probability to every class, which adds up for a label of many classes, as
`Animal` of four hundred; so probabilities are sharpened first. It was not trained on portraits: where a face is large,
people wear something, and whatever else it believes to see is seldom there.

The weights are of a logistic regression on 1,620 labels of 507 pictures, each judged by eye (docs/accuracy.md, Labels).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from regard.domain.arrays import FloatArray
from regard.vision.images.taxonomy import taxonomy

#: Probabilities are raised to this power: a temperature of 0.7.
_SHARPENING: Final = 1 / 0.7
#: Of the constant, the logit of the sum, the logarithm of the number of classes, and a portrait's labels, worn or not.
WEIGHTS: Final = (-0.74, 0.85, 0.32, 2.14, -2.37)
#: A face that takes this part of the picture makes it a portrait.
PORTRAIT_PART: Final = 0.02
_LEAST: Final = 1e-4


def scene_percents(probabilities: FloatArray, *, portrait: bool) -> FloatArray:
    """How certain each label is, 0..100, in the order of `taxonomy().names`, by the probabilities of all classes."""
    certain = 100 / (1 + np.exp(-evidence(probabilities, portrait=portrait) @ WEIGHTS))
    return np.asarray(np.where(taxonomy().breadths > 0, certain, 0), np.float32)


def evidence(probabilities: FloatArray, *, portrait: bool) -> FloatArray:
    """Labels × WEIGHTS: what is known of each label."""
    known = taxonomy()
    sharp = probabilities**_SHARPENING
    sums = np.clip(known.of_scenes((sharp / sharp.sum())[None])[0], _LEAST, 1 - _LEAST)
    classes = np.log(np.maximum(known.breadths, 1))
    worn = portrait & known.worn, portrait & ~known.worn
    return np.stack([np.ones_like(sums), np.log(sums / (1 - sums)), classes, *worn], axis=1)
