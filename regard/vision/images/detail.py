"""Whether a picture shows anything: one colour and mere noise show nothing, but a classifier has a word for both."""

from __future__ import annotations

from typing import Final

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.geometry import halved

#: The longest side that is looked at, about what a classifier sees; noise mostly evens out on the way.
_SIDE: Final = 256
#: Below this standard deviation, in levels of 255, a picture is of one colour. It is 25 and more of photographs.
_LEAST_SPREAD: Final = 3.0
#: How alike a pixel and the next are, as a correlation: at most 0.3 in noise, saved as JPEG or enlarged to thrice its
#: size; 0.6 and more in photographs, of which lawn and gravel come lowest.
_LEAST_LIKENESS: Final = 0.4


def has_detail(pixels: ByteArray) -> bool:
    """Whether H×W×3 pixels differ, and less from their neighbours than from others."""
    while max(pixels.shape) > _SIDE and min(pixels.shape[:2]) > 1:
        pixels = halved(pixels)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
    planes -= planes.mean(axis=(1, 2), keepdims=True)
    spread = _likeness(planes, planes)
    alike = max(_likeness(planes[..., 1:], planes[..., :-1]), _likeness(planes[:, 1:], planes[:, :-1]))
    return spread >= _LEAST_SPREAD**2 and alike >= _LEAST_LIKENESS * spread


def _likeness(planes: FloatArray, neighbours: FloatArray) -> float:
    """The mean product of pixels with their neighbours, of the colour in which it is most."""
    return float(np.einsum("cij,cij->c", planes, neighbours).max() / planes[0].size) if planes.size else 0.0
