"""Reads the text of a picture: finds lines, finds out which way they run, reads them, and splits them into words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.domain.text import Line, Word
from regard.vision.images.text_detector import TextDetector
from regard.vision.images.text_direction import come_first, common_direction, reading_order, runs, turned
from regard.vision.images.text_recognizer import LINE_PIXELS, Reading, TextRecognizer, width_of
from regard.vision.images.text_words import Ink, words_of, written_part
from regard.vision.quadrilaterals import Levels, cut_out, sides

#: So many of the longest lines decide which end of the lines comes first; longer than that ratio of sides needs none.
_SAMPLE, _SAMPLE_RATIO = 6, 10.0
#: Fewer of them do if one end has so much more evidence than the other: forty letters that are surely read.
_ENOUGH = 20.0
#: A line read with less confidence is tried the other ways too, but no more than so many lines.
_SURE = 0.85
_MOST_TRIED = 40
#: What covers so much of a picture and reads as one or two letters is the shape of something: a garment, an animal.
_SHAPE_PART, _SHAPE_LETTERS = 0.15, 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _ReadLine:
    """A line's corners in the picture's pixels, its picture cut out, and what it says."""

    corners: FloatArray
    picture: ByteArray
    reading: Reading


class TextReader:
    """Reads pictures. Safe from many threads."""

    def __init__(self, detector: TextDetector, recognizer: TextRecognizer) -> None:
        self._detector = detector
        self._recognizer = recognizer

    def lines(self, picture: ByteArray) -> Iterator[Line]:
        """The lines of an H×W×3 RGB picture in the order they are read in, each read when it is asked for."""
        found = self._detector.find(picture)
        if not len(found):
            return
        page = _Page(picture, self._recognizer)
        direction = _direction(page, found)
        tried = 0
        for corners in _in_order(self._detector.find_finer(picture, found, direction), direction):
            first, *others = runs(corners, direction)
            line = page.read(first)
            if line.reading.confidence < _SURE and tried < _MOST_TRIED:
                tried += 1
                line = max([line, *map(page.read, others)], key=_evidence)
            if part := written_part(line.reading, line.picture.shape[1]):
                line = page.read(_part(line, *part, 0, line.picture.shape[0]))
            if words := () if _is_shape(line, picture) else _words(line, picture):
                yield Line(words=words)


class _Page:
    """Reads lines of one picture, each way only once."""

    def __init__(self, picture: ByteArray, recognizer: TextRecognizer) -> None:
        self._levels = Levels(picture)
        self._recognizer = recognizer
        self._read: dict[bytes, _ReadLine] = {}

    def read(self, corners: FloatArray) -> _ReadLine:
        """What stands within these corners, 4×2, from the first of them on."""
        key = corners.tobytes()
        if key not in self._read:
            width, height = (float(each[0]) for each in sides(corners[None]))
            line = cut_out(self._levels, corners, LINE_PIXELS, width_of(width, height))
            self._read[key] = _ReadLine(corners=corners, picture=line, reading=self._recognizer.read(line))
        return self._read[key]


def _in_order(parts: Iterable[tuple[FloatArray, FloatArray]], direction: float) -> Iterator[FloatArray]:
    """The lines of all parts, 4×2, in the order they are read in; a part is asked for when those before it are told."""
    waiting: list[FloatArray] = []
    for regions, rest in parts:
        waiting += [runs(each, direction)[0] for each in regions]
        if not waiting:
            continue
        corners = np.stack(waiting)
        first, order = come_first(corners, rest, direction), reading_order(corners, direction)
        ready = list(takewhile(lambda number, first=first: first[number], order))  # type: ignore[misc]
        yield from corners[ready]
        waiting = [waiting[number] for number in order[len(ready) :]]


def _direction(page: _Page, corners: FloatArray) -> float:
    """The direction in degrees within ±180 that most text runs in: the longest lines are read from both ends."""
    direction = common_direction(corners)
    widths, heights = sides(corners)
    longest = np.argsort(-np.minimum(widths / np.maximum(heights, 1), _SAMPLE_RATIO), kind="stable")[:_SAMPLE]
    onward = backward = 0.0
    for number in longest.tolist():
        if abs(onward - backward) >= _ENOUGH:
            break
        way = runs(corners[number], direction)[0]
        line = page.read(way)
        onward += line.reading.evidence
        if line.reading.confidence < _SURE:
            backward += page.read(turned(way[None])[0]).reading.evidence
    return direction if onward >= backward else direction + (180 if direction <= 0 else -180)


def _evidence(line: _ReadLine) -> float:
    return line.reading.evidence


def _is_shape(line: _ReadLine, picture: ByteArray) -> bool:
    width, height = (float(each[0]) for each in sides(line.corners[None]))
    part = width * height / (picture.shape[0] * picture.shape[1])
    return part >= _SHAPE_PART and len(line.reading.letters) <= _SHAPE_LETTERS


def _words(line: _ReadLine, picture: ByteArray) -> tuple[Word, ...]:
    ink = Ink(line.picture)
    size = np.array([picture.shape[1], picture.shape[0]], np.float32)
    return tuple(
        Word(
            text=place.text,
            confidence=100 * place.confidence,
            corners=_part(line, place.left, place.right, *ink.rows(place.left, place.right)) / size,
        )
        for place in words_of(line.reading, ink.columns)
    )


def _part(line: _ReadLine, left: float, right: float, top: float, bottom: float) -> FloatArray:
    """The corners in the picture of a part of a line, from there to there in pixels of the line."""
    height, width = line.picture.shape[:2]
    x = np.array([left, right, right, left], np.float32)[:, None] / width
    y = np.array([top, top, bottom, bottom], np.float32)[:, None] / height
    upper_left, upper_right, lower_right, lower_left = line.corners
    above, below = upper_left + x * (upper_right - upper_left), lower_left + x * (lower_right - lower_left)
    return np.asarray(above + y * (below - above), np.float32)
