"""How a picture looks, whatever is in it: its light, its detail, its colours, of all of it or of parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Final

import numpy as np

from regard.domain.arrays import BoolArray, ByteArray, FloatArray, IntArray
from regard.vision.geometry import luma_and_edges, reduced, sums
from regard.vision.images.named_colours import nearest_colours, shares

#: The longer side that detail is looked for at, and the longer side that colours are counted at.
_DETAIL_SIDE: Final = 1024
_COLOUR_SIDE: Final = 384
#: Fine detail at Sharpness 0 and at 100, logarithmic between. Of 86 photographs of garments the median is
#: 74; blurred with sigma 1, 2 and 4 pixels it falls to 60, 33 and 5.
_BLURRED: Final = 0.002
_CRISP: Final = 0.8
#: Keeps a sensor's noise in a picture of one colour from passing for detail, in squares of luma.
_NOISE: Final = 25.0
#: The standard deviation of luma at Contrast 100: that of a picture half black and half white, and no other has more.
_MOST_SPREAD: Final = 127.5


@dataclass(frozen=True)
class PictureLook:
    """An H×W×3 RGB picture as it looks: its light in the sizes of `light_shape`, its colours in those of
    `colour_shape`. Parts are masks of these, or slices, and are not empty."""

    pixels: ByteArray

    @cached_property
    def _small(self) -> ByteArray:
        return reduced(self.pixels, _COLOUR_SIDE)

    def measure(self) -> None:
        """Look at all of it now: once models have run, its pixels are no longer in the processor's cache."""
        _ = self._sums, self._rows

    @property
    def colour_shape(self) -> tuple[int, int]:
        return self._small.shape[0], self._small.shape[1]

    @property
    def light_shape(self) -> tuple[int, int]:
        luma = self._luma_and_edges[0]
        return luma.shape[0], luma.shape[1]

    @cached_property
    def _rows(self) -> ByteArray:
        return nearest_colours(self._small)

    @cached_property
    def _luma_and_edges(self) -> tuple[ByteArray, IntArray]:
        return luma_and_edges(reduced(self.pixels, _DETAIL_SIDE))

    def colour_shares(self, part: BoolArray | tuple[slice, slice] | None = None) -> FloatArray:
        """The share, 0..1, of each named colour in the picture or in a part of it."""
        if isinstance(part, np.ndarray):
            return shares(self._rows, part.view(np.uint8))
        return shares(self._rows if part is None else self._rows[part])

    @cached_property
    def _sums(self) -> FloatArray:
        return np.stack([sums(values) for values in self._luma_and_edges])

    def brightness_and_sharpness(self) -> tuple[float, float]:
        """Each 0..100. Sharpness is the variance of the Laplacian (Pech-Pacheco et al. 2000) over that of the luma, so
        that a dim or flat light does not pass for blur."""
        return _brightness_and_sharpness(self._sums)

    def of_part_and_rest(self, part: BoolArray) -> tuple[tuple[float, float], tuple[float, float]]:
        """Brightness and sharpness of a part of the picture, and of what is left of it."""
        (luma, edges), mask = self._luma_and_edges, part.view(np.uint8)
        inside = np.stack([sums(luma, mask), sums(edges, mask)])
        return _brightness_and_sharpness(inside), _brightness_and_sharpness(self._sums - inside)

    def contrast(self) -> float:
        """0..100: how far luma spreads about its mean (RMS contrast, Peli 1990). Nothing is left out of it: the ink
        of a printed page is a few hundredths of the page."""
        spread = sqrt(_mean_and_variance(self._sums[0])[1])
        return round(min(spread / _MOST_SPREAD, 1.0) * 100, 3)  # one tone has none, whatever the sums' last digits


def _brightness_and_sharpness(sums: FloatArray) -> tuple[float, float]:
    """2×3: of luma and of edges how many there are, their sum and that of their squares."""
    (mean, spread), (_, detail) = map(_mean_and_variance, sums)
    sharp = np.log(max(detail / (spread + _NOISE), 1e-9) / _BLURRED) / np.log(_CRISP / _BLURRED)
    return mean / 255 * 100, float(np.clip(sharp, 0, 1) * 100)


def _mean_and_variance(sums: FloatArray) -> tuple[float, float]:
    """Of values, by how many there are, their sum and that of their squares."""
    count, total, squares = sums.tolist()
    mean = total / max(count, 1)
    return mean, max(squares / max(count, 1) - mean**2, 0.0)
