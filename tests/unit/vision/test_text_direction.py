"""Which way lines run, in which order they are read, and what a quadrilateral says of it."""

from __future__ import annotations

import numpy as np
import pytest

from regard.domain.arrays import FloatArray
from regard.vision.images.text_direction import angles, common_direction, reading_order, runs, turned


def line(x: float, y: float, width: float, height: float, degrees: float = 0.0) -> FloatArray:
    """A line's corners about its middle, turned clockwise."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.array([width, height]) / 2
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray(corners @ matrix + [x, y], np.float32)


@pytest.mark.parametrize("degrees", [0, 30, -60, 89])
def test_the_common_direction_is_that_of_the_long_lines(degrees: float) -> None:
    lines = np.stack([line(200, 50 * number, 300, 20, degrees) for number in range(5)] + [line(9, 9, 12, 10, 45)])
    assert common_direction(lines) == pytest.approx(degrees, abs=1)


def test_a_single_tall_letter_is_no_line_that_runs_downwards() -> None:
    tall = line(50, 50, 20, 60)
    downwards = np.roll(tall, 1, axis=0)  # as a detector gives it, the longer sides first
    assert abs(angles(downwards[None])[0]) == pytest.approx(90)
    assert common_direction(downwards[None]) == 0.0
    assert angles(runs(downwards, 0.0)[0][None])[0] == pytest.approx(0)


def test_a_long_line_runs_along_its_longer_side_from_either_end() -> None:
    ways = runs(line(0, 0, 400, 20, 90), 0.0)
    assert sorted(abs(round(float(angle))) for angle in angles(np.stack(ways))) == [90, 90]
    assert angles(turned(ways[0][None]))[0] == pytest.approx(angles(ways[1][None])[0])


def test_a_line_upside_down_runs_from_the_right() -> None:
    first = runs(line(0, 0, 400, 20), 180.0)[0]
    assert abs(angles(first[None])[0]) == pytest.approx(180)


def test_lines_are_read_row_by_row_in_their_direction() -> None:
    rows = [(50, 100), (150, 102), (50, 140), (150, 138)]
    upright = np.stack([line(x, y, 80, 20) for x, y in rows])
    shuffled = upright[[3, 0, 2, 1]]
    assert reading_order(shuffled, 0.0) == [1, 3, 2, 0]
    assert reading_order(shuffled, 180.0) == [0, 2, 3, 1]
    assert reading_order(upright[:0], 0.0) == []
