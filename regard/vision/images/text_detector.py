"""Where text stands in a picture: one quadrilateral about each line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.cards import Input
from regard.vision.geometry import resized
from regard.vision.preprocess import Preprocess
from regard.vision.quadrilaterals import bright_regions, contains, quarter_turned, sides
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
_NOWHERE = np.empty((0, 2), np.float32)


class TextDetector:
    """A detector that maps where lines of text are (DB, Liao et al. 2020). Safe from many threads."""

    def __init__(self, session: Session, model_input: Input, strip_pixels: int = STRIP_PIXELS) -> None:
        """A map of more than `strip_pixels` is made in strips: less memory, and a little more time."""
        self._session = session
        self._strip_pixels = strip_pixels
        self._preprocess = Preprocess(model_input)

    def find(self, picture: ByteArray) -> FloatArray:
        """What a first look finds: N×4×2, in the picture's pixels, the longer sides along the line; nothing tells yet
        which end comes first."""
        found = [regions for regions, _ in self._look(picture, _first_side(picture))]
        return np.concatenate(found)

    def find_finer(
        self, picture: ByteArray, found: FloatArray, direction: float
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """The lines part by part, in the order of somebody who reads in that direction, in degrees: those of each part,
        as of `find`, and K×2 points about all that the next parts may have; none with the last part.

        `found` is what `find` found. Letters too small for it are looked at again, as far as parts are asked for.
        """
        first, longest = _first_side(picture), max(picture.shape[:2])
        second = _second_look(sides(found)[1] * first / longest, first, longest)
        left = _MOST_REGIONS
        for regions, rest in self._finer_parts(picture, found, direction, second) if second else [(found, _NOWHERE)]:
            heights, widths = sides(regions)
            largest = regions[np.argsort(-heights * widths, kind="stable")[:left]]
            left -= len(largest)
            yield largest, rest

    def _finer_parts(
        self, picture: ByteArray, found: FloatArray, direction: float, longest: int
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        turns = round(direction / 90)
        height, width = picture.shape[:2]
        level = np.ascontiguousarray(np.rot90(picture, turns))
        down, across = level.shape[:2]
        waiting, finer = quarter_turned(found, turns, height, width), np.empty((0, 4, 2), np.float32)
        for regions, bottom in self._look(level, longest):
            finer = np.concatenate([finer, regions])
            known = (waiting[..., 1] <= bottom).all(axis=1) | (bottom >= down)
            told = np.concatenate([regions, _uncovered(waiting[known], finer)])
            waiting = waiting[~known]
            edge = np.array([[0, bottom], [across, bottom]], np.float32)
            rest = np.concatenate([edge, waiting.reshape(-1, 2)]) if bottom < down else _NOWHERE
            yield quarter_turned(told, -turns, down, across), quarter_turned(rest, -turns, down, across)

    def _look(self, picture: ByteArray, longest: int) -> Iterator[tuple[FloatArray, float]]:
        """The regions, part by part from above, and how far down each part reaches: all in the picture's pixels."""
        height, width = picture.shape[:2]
        scale = longest / max(height, width)
        across, down = (max(_MULTIPLE, round(side * scale / _MULTIPLE) * _MULTIPLE) for side in (width, height))
        ratio = np.array([width / across, height / down], np.float32)
        values, begun, done = np.empty((down, across), np.float32), 0, 0
        for strip in self._strips(resized(picture, across, down)):
            values[done : done + len(strip)] = strip
            done += len(strip)
            end = done if done == down else begun + _last_gap(values[begun:done])
            if end > begun:
                regions, _ = bright_regions(
                    values[begun:end], least=_LEAST_PROBABILITY, least_mean=_LEAST_MEAN, growth=_GROWTH
                )
                yield (regions + np.array([0, begun], np.float32)) * ratio, end * float(ratio[1])
            begun = end

    def _strips(self, picture: ByteArray) -> Iterator[FloatArray]:
        """The probability of each pixel to be text, some rows at a time."""
        height, width = picture.shape[:2]
        rows = strip_rows(height, width, self._strip_pixels)
        for top in range(0, height, rows):
            above, below = max(0, top - _STRIP_MARGIN), min(height, top + rows + _STRIP_MARGIN)
            strip = self._session.run(self._preprocess(picture[None, above:below]))[0][0, 0]
            yield np.asarray(strip[top - above : top - above + rows], np.float32)


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


def _last_gap(values: FloatArray) -> int:
    """The number of rows above the last gap between lines, of two rows at least; 0 without any."""
    empty = values.max(axis=1) <= _LEAST_PROBABILITY
    gaps = np.flatnonzero(empty[1:] & empty[:-1])
    return int(gaps[-1]) + 1 if len(gaps) else 0


def _uncovered(regions: FloatArray, finer: FloatArray) -> FloatArray:
    """The regions that share no middle with one of the finer ones: neither has that of the other inside. One look may
    find two lines as one, the other one line in pieces."""
    covered = contains(regions, finer.mean(axis=1)).any(axis=1) | contains(finer, regions.mean(axis=1)).any(axis=0)
    return np.asarray(regions[~covered], np.float32)


def _first_side(picture: ByteArray) -> int:
    longest: int = max(picture.shape[:2])
    return min(max(longest, LEAST_PIXELS), FIRST_PIXELS)
