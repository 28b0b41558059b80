from __future__ import annotations

import numpy as np

from regard.domain.arrays import FloatArray
from regard.vision.faces.face_points import FAR_APART, contour5, disagreement, mixed_points
from regard.vision.geometry import ARCFACE_LANDMARKS5

WIDTHS = np.array([100.0], np.float32)


def contour(points5: FloatArray) -> FloatArray:
    """1×68×2 points with these five among them; the eyes are six points around theirs."""
    points = np.zeros((1, 68, 2), np.float32)
    around = np.array([[-6, 0], [-3, -2], [3, -2], [6, 0], [3, 2], [-3, 2]], np.float32)
    points[0, 36:42], points[0, 42:48] = points5[0] + around, points5[1] + around
    points[0, [30, 48, 54]] = points5[2:]
    return points


def test_five_points_are_read_from_the_contour() -> None:
    np.testing.assert_allclose(contour5(contour(ARCFACE_LANDMARKS5))[0], ARCFACE_LANDMARKS5, atol=1e-4)


def test_the_disagreement_is_in_widths_of_the_face() -> None:
    moved = (ARCFACE_LANDMARKS5 + np.array([6, 8]))[None].astype(np.float32)
    np.testing.assert_allclose(disagreement(moved, contour(ARCFACE_LANDMARKS5), WIDTHS), [0.1], atol=1e-4)


def test_points_that_agree_are_averaged() -> None:
    moved = (ARCFACE_LANDMARKS5 + np.array([4, -2]))[None].astype(np.float32)
    mixed = mixed_points(moved, contour(ARCFACE_LANDMARKS5), WIDTHS)
    np.testing.assert_allclose(mixed[0], ARCFACE_LANDMARKS5 + np.array([2, -1]), atol=1e-4)


def test_of_points_far_apart_those_that_look_like_a_face_are_taken_however_it_is_turned() -> None:
    turned = np.asarray(ARCFACE_LANDMARKS5 @ np.array([[0, 1], [-1, 0]]) * 2 + [300, 40], np.float32)
    heap = np.asarray(turned + np.array([[0, 0], [-60, 50], [40, 80], [50, -90], [-80, 30]]), np.float32)
    assert disagreement(heap[None], contour(turned), WIDTHS)[0] > FAR_APART
    np.testing.assert_allclose(mixed_points(heap[None], contour(turned), WIDTHS)[0], turned, atol=1e-3)
    np.testing.assert_allclose(mixed_points(turned[None], contour(heap), WIDTHS)[0], turned, atol=1e-3)
