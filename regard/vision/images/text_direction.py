"""Which way lines run: a quadrilateral says how a line lies, but not where it begins, nor how a short one runs."""

from __future__ import annotations

import numpy as np

from regard.domain.arrays import BoolArray, FloatArray
from regard.vision.quadrilaterals import sides

#: From this ratio of its sides on a line surely runs along the longer one; below it may be a single tall letter.
_SURE_RATIO, _LIKELY_RATIO = 4.0, 1.7
#: Lines belong to one row if their middles are within this part of their height.
_SAME_ROW = 0.6


def angles(corners: FloatArray) -> FloatArray:
    """The direction, in degrees within ±180, clockwise from the right, of each of N×4×2 quadrilaterals."""
    along = corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]
    return np.asarray(np.degrees(np.arctan2(along[:, 1], along[:, 0])), np.float32)


def common_direction(corners: FloatArray) -> float:
    """The direction of most that is written, in degrees within ±90; which end comes first is open."""
    widths, heights = sides(corners)
    level = np.abs(angles(corners)) < 45
    long = widths >= np.where(level, _LIKELY_RATIO, _SURE_RATIO) * heights  # a single tall letter is no line
    if not long.any():
        return 0.0
    doubled = np.radians(angles(corners[long]) * 2)
    mean = np.sum(widths[long] * np.exp(1j * doubled))
    return float(np.degrees(np.angle(mean)) / 2)


def runs(corners: FloatArray, direction: float) -> list[FloatArray]:
    """How one quadrilateral, 4×2, may run where most lines run in `direction`: the likeliest first.

    All have the same corners and begin with another one.
    """
    width, height = (float(each[0]) for each in sides(corners[None]))
    ways = [np.roll(corners, -turn, axis=0) for turn in range(4)]
    apart = np.abs(_within_half_turn(angles(np.stack(ways)) - direction))
    likely = [ways[turn] for turn in np.argsort(apart, kind="stable")]
    if width >= _SURE_RATIO * height:
        return [way for way in likely if _is_long(way)]
    if width >= _LIKELY_RATIO * height and _is_long(likely[0]):
        return [likely[0], likely[-1]]
    return likely


def turned(corners: FloatArray) -> FloatArray:
    """The same quadrilaterals, N×4×2, read from the other end."""
    return np.roll(corners, 2, axis=1)


def reading_order(corners: FloatArray, direction: float) -> list[int]:
    """The numbers of N×4×2 quadrilaterals row by row, as of somebody who reads in that direction."""
    if not len(corners):
        return []
    turn = np.radians(direction)
    middles = corners.mean(axis=1)
    along = middles @ np.array([np.cos(turn), np.sin(turn)], np.float32)
    down = middles @ np.array([-np.sin(turn), np.cos(turn)], np.float32)
    heights = sides(corners)[1]
    rows: list[list[int]] = []
    for number in np.argsort(down, kind="stable").tolist():
        first = rows[-1][0] if rows else None
        if first is not None and down[number] - down[first] <= _SAME_ROW * min(heights[number], heights[first]):
            rows[-1].append(number)
        else:
            rows.append([number])
    return [number for row in rows for number in sorted(row, key=lambda each: float(along[each]))]


def come_first(corners: FloatArray, rest: FloatArray, direction: float) -> BoolArray:
    """Which of N×4×2 quadrilaterals surely come before everything within K×2 points, of which there may be none."""
    turn = np.radians(direction)
    downwards = np.array([-np.sin(turn), np.cos(turn)], np.float32)
    begins = float((rest @ downwards).min(initial=np.inf))
    return np.asarray(corners.mean(axis=1) @ downwards + sides(corners)[1] <= begins)


def _within_half_turn(degrees: FloatArray) -> FloatArray:
    return np.asarray((degrees + 180) % 360 - 180, np.float32)


def _is_long(corners: FloatArray) -> bool:
    width, height = sides(corners[None])
    return bool(width[0] >= height[0])
