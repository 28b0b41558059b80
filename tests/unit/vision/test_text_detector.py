"""Where lines stand: two looks make one list of lines, and a page is looked at no further than somebody reads."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.cards import Input
from regard.vision.images.text_detector import FIRST_PIXELS, TextDetector
from regard.vision.quadrilaterals import contains, sides

SIDE = 2400
INPUT = Input(width=0, height=0, channels="RGB", mean=[0, 0, 0], std=[255, 255, 255])


class RedThenGreen:
    """A model that takes red for text in a first look, and green in a finer one."""

    name, outputs = "red-then-green", ("map",)

    def __init__(self) -> None:
        self.rows: list[int] = []

    def run(self, batch: FloatArray | ByteArray) -> list[FloatArray]:
        height, width = batch.shape[2:]
        self.rows.append(height)
        return [np.asarray(batch[:, :1] if width <= FIRST_PIXELS else batch[:, 1:2], np.float32)]


def page(red: list[FloatArray], green: list[FloatArray]) -> ByteArray:
    """Black, with quadrilaterals in both colours."""
    channels = [np.zeros((SIDE, SIDE), np.uint8) for _ in range(3)]
    for channel, shapes in zip(channels, (red, green), strict=False):
        for shape in shapes:
            cv2.fillConvexPoly(channel, np.rint(shape).astype(np.int32), 255)
    return np.stack(channels, axis=-1)


def bar(x: float, y: float, width: float, degrees: float = 0.0, height: float = 8) -> FloatArray:
    """A line's corners about its middle; the page and all on it turned clockwise about the page's middle."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([width, height]) / 2 + [x, y] - SIDE / 2
    turn = np.radians(degrees)
    return np.asarray(corners @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]] + SIDE / 2, np.float32)


def found(picture: ByteArray, degrees: float = 0.0, strip_pixels: int = SIDE * 300) -> FloatArray:
    detector = TextDetector(RedThenGreen(), INPUT, strip_pixels)
    parts = detector.find_finer(picture, detector.find(picture), degrees)
    return np.concatenate([regions for regions, _ in parts])


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 180])
@pytest.mark.slow
def test_a_line_that_one_look_found_whole_and_the_other_in_pieces_is_told_once(degrees: float) -> None:
    whole, pieces = bar(1200, 900, 1000, degrees), [bar(x, 900, 90, degrees) for x in (760, 1100, 1500)]
    for red, green, lines in ((pieces, [whole], 1), ([whole], pieces, 3)):
        told = found(page(red, green), degrees)
        assert len(told) == lines
        assert contains(told, np.stack(green).mean(axis=1)).any(axis=0).all()


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 180])
@pytest.mark.slow
def test_a_line_that_only_the_first_look_found_is_told_however_near_it_is_to_others(degrees: float) -> None:
    """Upright boxes about turned lines hold their neighbours."""
    seen_twice, seen_once = bar(1200, 1000, 900, degrees), bar(1200, 1100, 900, degrees)
    told = found(page([seen_twice, seen_once], [seen_twice]), degrees)
    assert len(told) == 2
    assert contains(told, seen_once.mean(axis=0)[None]).sum() == 1


@pytest.mark.parametrize("degrees", [0, 1, 90, 180, -90])
@pytest.mark.slow
def test_a_page_is_looked_at_from_where_it_begins_and_no_further_than_is_asked(degrees: float) -> None:
    lines = [bar(1200, y, 1400, degrees) for y in range(500, 1950, 50)]
    picture, session = page(lines, lines), RedThenGreen()
    detector = TextDetector(session, INPUT, strip_pixels=SIDE * 300)
    first = detector.find(picture)
    before = len(session.rows)
    parts = detector.find_finer(picture, first, degrees)
    begun, rest = next(parts)
    while not len(begun):
        begun, rest = next(parts)
    fewest = len(session.rows) - before
    others = np.concatenate([regions for regions, _ in parts])
    assert len(begun) + len(others) == len(lines)
    assert fewest * 2 < len(session.rows) - before
    turn = np.radians(degrees)
    down = np.array([-np.sin(turn), np.cos(turn)])
    assert (begun.mean(axis=1) @ down).max() < (others.mean(axis=1) @ down).min()
    assert (rest @ down).min() <= (others.mean(axis=1) @ down).min()


def test_lines_are_the_same_whatever_the_strips() -> None:
    lines = [bar(1200 + 7 * y % 300, y, 1400, 3) for y in range(500, 1950, 60)]
    picture = page(lines, lines)
    whole = found(picture, 3, strip_pixels=SIDE * SIDE)
    assert len(whole) == len(lines)
    parts = found(picture, 3)
    assert sorted(map(_rounded, parts)) == sorted(map(_rounded, whole))


def test_the_largest_lines_are_told_if_there_are_too_many() -> None:
    specks = [bar(x, y, 24) for y in range(200, 2300, 40) for x in range(200, 2300, 60)]
    told = found(page(specks, specks))
    assert len(told) == 500
    areas = np.prod(sides(told), axis=0)
    assert (areas > 0).all()
    assert all(np.abs(one - other).max() > 1 for one, other in pairwise(told))


def _rounded(corners: FloatArray) -> list[list[int]]:
    return [[round(float(each)) for each in corner] for corner in corners]
