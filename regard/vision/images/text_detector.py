"""Where text stands in a picture: one quadrilateral about each line."""

from __future__ import annotations

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.cards import Input
from regard.vision.geometry import resized
from regard.vision.preprocess import Preprocess
from regard.vision.quadrilaterals import bright_regions, sides
from regard.vision.session import Session

#: Longest side of the first look, and what a smaller picture is enlarged to. Letters 12 pixels high are found, smaller
#: ones half of them.
FIRST_PIXELS = 1280
LEAST_PIXELS = 640
#: Longest side of the second look, which is taken where the first finds letters as small as SMALL_PIXELS of its own.
#: Lines are then about READABLE_PIXELS high.
SECOND_PIXELS = 3072
SMALL_PIXELS = 18.0
READABLE_PIXELS = 24.0
#: A map is made in strips of at most so many pixels, which see so much of their neighbours.
STRIP_PIXELS = 1_300_000
_STRIP_MARGIN = 64
#: What a run takes: measured 180 MB for 1280×640, 208 MB for 1280×960.
RUN_BYTES, RUN_BYTES_PER_PIXEL = 48 << 20, 160
_MULTIPLE = 32
_LEAST_PROBABILITY, _LEAST_MEAN, _GROWTH = 0.3, 0.5, 1.6
#: Regions that are looked at further; the largest.
_MOST_REGIONS = 500


class TextDetector:
    """A detector that maps where lines of text are (DB, Liao et al. 2020). Safe from many threads."""

    def __init__(self, session: Session, model_input: Input, strip_pixels: int = STRIP_PIXELS) -> None:
        """A map of more than `strip_pixels` is made in strips: less memory, and a little more time."""
        self._session = session
        self._strip_pixels = strip_pixels
        self._preprocess = Preprocess(model_input)

    def find(self, picture: ByteArray) -> FloatArray:
        """N×4×2, in the picture's pixels, the longer sides along the line; nothing tells yet which end comes first."""
        longest = max(picture.shape[:2])
        first = min(max(longest, LEAST_PIXELS), FIRST_PIXELS)
        found = self._look(picture, first)
        second = _second_look(sides(found)[1] * first / longest, first, longest)
        if second:
            fine = self._look(picture, second)
            found = np.concatenate([fine, _uncovered(found, fine)])
        heights, widths = sides(found)
        return found[np.argsort(-heights * widths, kind="stable")[:_MOST_REGIONS]]

    def _look(self, picture: ByteArray, longest: int) -> FloatArray:
        height, width = picture.shape[:2]
        scale = longest / max(height, width)
        across, down = (max(_MULTIPLE, round(side * scale / _MULTIPLE) * _MULTIPLE) for side in (width, height))
        regions, _ = bright_regions(
            self._map(resized(picture, across, down)),
            least=_LEAST_PROBABILITY,
            least_mean=_LEAST_MEAN,
            growth=_GROWTH,
        )
        return regions * np.array([width / across, height / down], np.float32)

    def _map(self, picture: ByteArray) -> FloatArray:
        """The probability of each pixel to be text."""
        height, width = picture.shape[:2]
        rows = strip_rows(height, width, self._strip_pixels)
        values = np.empty((height, width), np.float32)
        for top in range(0, height, rows):
            above, below = max(0, top - _STRIP_MARGIN), min(height, top + rows + _STRIP_MARGIN)
            strip = self._session.run(self._preprocess(picture[None, above:below]))[0][0, 0]
            values[top : top + rows] = strip[top - above : top - above + rows]
        return values


def strip_rows(height: int, width: int, most_pixels: int = STRIP_PIXELS) -> int:
    """How many rows of a map are made at a time, without those of their neighbours."""
    if height * width <= most_pixels:
        return height
    return max(_MULTIPLE, (most_pixels // width - 2 * _STRIP_MARGIN) // _MULTIPLE * _MULTIPLE)


def detection_bytes(height: int, width: int) -> int:
    """The most memory that finding text in a picture of this size takes."""
    longest = max(LEAST_PIXELS, min(max(height, width), SECOND_PIXELS))
    scale = longest / max(height, width)
    down, across = round(height * scale) + _MULTIPLE, round(width * scale) + _MULTIPLE
    rows = min(down, strip_rows(down, across) + 2 * _STRIP_MARGIN)
    return RUN_BYTES + RUN_BYTES_PER_PIXEL * rows * across + 10 * down * across


def _second_look(heights: FloatArray, first: int, longest: int) -> int:
    """Longest side of a second look, if small letters were seen and the picture has more to show; 0 for none."""
    small = heights[heights < SMALL_PIXELS]
    if first >= longest or not len(small):
        return 0
    wanted = first * READABLE_PIXELS / max(float(np.percentile(small, 20)), 6.0)
    return int(min(wanted, longest, SECOND_PIXELS))


def _uncovered(regions: FloatArray, fine: FloatArray) -> FloatArray:
    """The regions that have the middle of none of the finer ones inside."""
    middles = fine.mean(axis=1)
    least, most = regions.min(axis=1)[:, None], regions.max(axis=1)[:, None]
    inside = ((middles[None] >= least) & (middles[None] <= most)).all(axis=2).any(axis=1)
    return np.asarray(regions[~inside], np.float32)
