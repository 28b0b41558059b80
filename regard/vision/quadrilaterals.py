"""Quadrilaterals about lines of text: found in a map of probabilities, cut out of a picture. All in pixels.

A quadrilateral is 4×2: the corners clockwise, beginning at the upper left of what is written in it.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from regard.domain.arrays import BoolArray, ByteArray, FloatArray
from regard.vision.geometry import resized

#: Contours of a map that are looked at: a page of 5,000 words has fewer lines.
_MOST_CONTOURS = 3_000
#: A region thinner than this, in pixels of the map, is a speck.
_LEAST_SIDE = 2.0


def bright_regions(
    values: FloatArray, *, least: float, least_mean: float, growth: float
) -> tuple[FloatArray, FloatArray]:
    """The least rectangles, turned as they need be, about what is above `least` in an H×W map: N×4×2, their longer
    sides first; and the mean in each, N, at least `least_mean`.

    Each is grown on all sides by `growth` × its area / its circumference: the map is of lines shrunk that way
    (Liao et al. 2020, "Real-time Scene Text Detection with Differentiable Binarization").
    """
    mask = cv2.dilate((values > least).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = [each for contour in contours[:_MOST_CONTOURS] for each in _rectangle(values, contour, growth)]
    kept = [(corners, mean) for corners, mean in found if mean >= least_mean]
    corners = np.array([each for each, _ in kept], np.float32).reshape(-1, 4, 2)
    return corners, np.array([mean for _, mean in kept], np.float32)


def _rectangle(values: FloatArray, contour: np.ndarray, growth: float) -> Iterator[tuple[FloatArray, float]]:
    centre, (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < _LEAST_SIDE:
        return
    more = growth * width * height / (width + height)  # on both sides together
    corners = cv2.boxPoints((centre, (width + more, height + more), angle))
    if np.linalg.norm(corners[1] - corners[0]) < np.linalg.norm(corners[2] - corners[1]):
        corners = np.roll(corners, 1, axis=0)
    if corners[1, 0] < corners[0, 0]:  # what is written runs to the right until more is known
        corners = np.roll(corners, 2, axis=0)
    yield np.asarray(corners, np.float32), _mean_within(values, contour)


def _mean_within(values: FloatArray, contour: np.ndarray) -> float:
    left, top, width, height = cv2.boundingRect(contour)
    inside = np.zeros((height, width), np.uint8)
    cv2.drawContours(inside, [contour], 0, 1, cv2.FILLED, offset=(-left, -top))
    return float(cv2.mean(values[top : top + height, left : left + width], inside)[0])


def sides(corners: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The width, along what is written, and the height of each of N×4×2 quadrilaterals."""
    top, right = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
    bottom, left = corners[:, 2] - corners[:, 3], corners[:, 3] - corners[:, 0]
    lengths = [np.linalg.norm(each, axis=1) for each in (top, bottom, right, left)]
    return (
        np.asarray((lengths[0] + lengths[1]) / 2, np.float32),
        np.asarray((lengths[2] + lengths[3]) / 2, np.float32),
    )


def contains(corners: FloatArray, points: FloatArray) -> BoolArray:
    """N×M: whether each of N×4×2 quadrilaterals has each of M×2 points inside, or on its edge."""
    inside = np.ones((len(corners), len(points)), bool)
    for start, end in zip(corners.swapaxes(0, 1), np.roll(corners, -1, axis=1).swapaxes(0, 1), strict=True):
        (across, down), (x, y) = (end - start).T[..., None], points.T
        inside &= across * (y - start[:, 1:]) >= down * (x - start[:, :1])
    return inside


def quarter_turned(points: FloatArray, turns: int, height: int, width: int) -> FloatArray:
    """Where …×2 points of a picture of that size are once it was turned as by `numpy.rot90`: anticlockwise."""
    for _ in range(turns % 4):
        points = np.stack([points[..., 1], width - points[..., 0]], axis=-1)
        height, width = width, height
    return points


class Levels:
    """An H×W×3 picture, and halves of it, halves of those and so on, each made when it is first needed."""

    def __init__(self, pixels: ByteArray) -> None:
        self.shape = pixels.shape
        self._levels = {1: pixels}

    def at(self, factor: int) -> ByteArray:
        """The picture reduced by a power of two."""
        if factor not in self._levels:
            larger = self.at(factor // 2)
            self._levels[factor] = resized(larger, max(1, larger.shape[1] // 2), max(1, larger.shape[0] // 2))
        return self._levels[factor]


def cut_out(levels: Levels, corners: FloatArray, height: int, width: int) -> ByteArray:
    """What a quadrilateral, 4×2, holds, as a picture of that size; the edge is repeated."""
    factor = _reduction(corners, height)
    level = levels.at(factor)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    scale = np.array([level.shape[1] / levels.shape[1], level.shape[0] / levels.shape[0]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners * scale, target)
    flags = cv2.INTER_CUBIC if factor == 1 else cv2.INTER_LINEAR
    crop = cv2.warpPerspective(level, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


def _reduction(quadrilateral: FloatArray, height: int) -> int:
    """The power of two to reduce the picture by first, or sampling would skip pixels of large letters."""
    factor = 1
    while sides(quadrilateral[None])[1][0] >= 2 * factor * height:
        factor *= 2
    return factor
