"""The expression of a face, tempered: what the model says of it, weighed by how often that is so.

In photographs most faces are calm or happy, and the model calls many that speak or frown sad, angry or afraid. The
weights were fitted on faces of `lfw-calibration` whose expression was told by eye, and measured on faces of `lfw-dev`
(docs/accuracy.md, `make bench-attributes`). They are the model's: another needs others.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.domain.faces import EMOTIONS
from regard.vision.faces.face_attributes import CropModel, softmax
from regard.vision.geometry import squares

#: How much of the model's certainty is kept: the power of its probabilities.
_POWER: Final = 0.56
#: What is added to the logarithm of each, against calm.
_EVIDENCE: Final = {
    "angry": -3.58,
    "disgusted": -1.06,
    "fear": -3.53,
    "happy": -1.36,
    "sad": -2.89,
    "surprised": -2.10,
    "calm": 0.0,
}
_LEAST: Final = 1e-7


def read(model: CropModel, pixels: ByteArray, boxes: FloatArray) -> FloatArray:
    """N×7 shares, in the order of `domain.EMOTIONS`, of the faces at N corner boxes in pixels."""
    (probabilities,) = model.run(pixels, squares(boxes, 1.0))
    return tempered(probabilities)


def tempered(probabilities: FloatArray) -> FloatArray:
    """N×7 shares from what the model says, N×7 as well."""
    evidence = np.array([_EVIDENCE[name] for name in EMOTIONS], np.float32)
    logits = _POWER * np.log(np.maximum(probabilities, _LEAST)) + evidence
    return softmax(np.asarray(logits, np.float32))
