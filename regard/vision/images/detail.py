"""Whether a picture shows anything: one colour, noise and a blur show nothing, but a classifier has words for them."""

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
#: How much the nearest pixels differ beside those some steps apart, as a ratio of squares: 1/16 where nothing has an
#: edge, 0.079 and more in all of 644 photographs. Whole levels make a square of about 0.2 by themselves.
_LEAST_FOCUS: Final = 0.075
_STEPS: Final = 4
_ROUNDING: Final = 0.2


def has_detail(pixels: ByteArray) -> bool:
    """Whether H×W×3 pixels differ, and less from their neighbours than from others."""
    planes = _planes(pixels)
    planes -= planes.mean(axis=(1, 2), keepdims=True)
    spread = _likeness(planes, planes)
    alike = max(_likeness(planes[..., 1:], planes[..., :-1]), _likeness(planes[:, 1:], planes[:, :-1]))
    return spread >= _LEAST_SPREAD**2 and alike >= _LEAST_LIKENESS * spread


def is_in_focus(pixels: ByteArray) -> bool:
    """Whether anything in H×W×3 pixels has an edge, as seen from where a classifier stands."""
    planes = _planes(pixels)
    down = planes.transpose(0, 2, 1)
    return any(_change(each, 1) > _LEAST_FOCUS * max(0.0, _change(each, _STEPS)) for each in (planes, down))


def _planes(pixels: ByteArray) -> FloatArray:
    """Three planes no larger than are looked at."""
    while max(pixels.shape) > _SIDE and min(pixels.shape[:2]) > 1:
        pixels = halved(pixels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)


def _change(planes: FloatArray, steps: int) -> float:
    """The mean square of how much pixels change across so many columns, of the colour in which it is most; rounding
    aside, so that it may be below zero."""
    changes = planes[..., steps:] - planes[..., :-steps]
    squares = np.einsum("cij,cij->c", changes, changes).max() / changes[0].size if changes.size else 0.0
    return float(squares) - _ROUNDING


def _likeness(planes: FloatArray, neighbours: FloatArray) -> float:
    """The mean product of pixels with their neighbours, of the colour in which it is most."""
    return float(np.einsum("cij,cij->c", planes, neighbours).max() / planes[0].size) if planes.size else 0.0
