from __future__ import annotations

import cv2
import numpy as np
import pytest

from regard.domain.arrays import ByteArray
from regard.vision.geometry import (
    ALIGNED_BOX,
    ARCFACE_LANDMARKS5,
    bordered,
    crop_and_resize,
    detail_and_luma,
    grey,
    halved,
    inverted,
    letterbox,
    nms,
    planes,
    rectangles,
    similarity_transforms,
    squares,
    transformed,
    turns_and_misfits,
    upright_boxes,
    upright_crops,
    upright_portraits,
    warp,
)


def smooth(height: int, width: int) -> ByteArray:
    """A picture without fine detail: however it is sampled, it looks the same."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / width * 5), np.cos(y / height * 4), np.sin((x + y) / (width + height) * 6)]
    return (127 + 100 * np.stack(waves, -1)).astype(np.uint8)


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32)


# -- letterbox -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "longest", "canvas", "inner"),
    [
        ((480, 640), 640, (480, 640), (480, 640)),
        ((480, 640), 320, (256, 320), (240, 320)),
        ((100, 90), 320, (320, 288), (320, 288)),
        ((1080, 1920), 1280, (736, 1280), (720, 1280)),
        ((80, 8000), 320, (32, 320), (3, 320)),
        ((10000, 10), 320, (320, 32), (320, 1)),
    ],
)
def test_letterbox_scales_into_the_upper_left_of_a_black_canvas(
    size: tuple[int, int], longest: int, canvas: tuple[int, int], inner: tuple[int, int]
) -> None:
    result, scale = letterbox(np.full((*size, 3), 200, np.uint8), longest)
    assert result.shape == (*canvas, 3)
    assert (result[: inner[0], : inner[1]] == 200).all()
    assert not result[inner[0] :].any()
    assert not result[:, inner[1] :].any()
    np.testing.assert_allclose(scale, [inner[1] / size[1], inner[0] / size[0]], rtol=1e-6)


def test_letterbox_leaves_the_pixels_of_a_picture_of_the_right_size_alone() -> None:
    picture = smooth(64, 96)
    result, scale = letterbox(picture, 96)
    np.testing.assert_array_equal(result, picture)
    np.testing.assert_array_equal(scale, [1, 1])


# -- colours ----------------------------------------------------------------------------------------------------------


def test_grey_is_luma() -> None:
    pictures = np.array([[[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]]], np.uint8)
    assert grey(pictures).shape == (1, 1, 4, 1)
    np.testing.assert_array_equal(grey(pictures).ravel(), [76, 150, 29, 255])


# -- boxes -----------------------------------------------------------------------------------------------------------


def test_suppress_keeps_the_best_of_those_that_overlap() -> None:
    candidates = boxes((1, 0, 11, 10), (0, 0, 10, 10), (100, 0, 110, 10), (8, 0, 18, 10))
    scores = np.array([0.8, 0.9, 0.5, 0.7], np.float32)
    assert nms(candidates, scores, 0.3).tolist() == [1, 3, 2]
    assert nms(candidates, scores, 0.1).tolist() == [1, 2]
    assert nms(candidates[:0], scores[:0], 0.3).tolist() == []


def test_of_equal_scores_the_first_stays() -> None:
    same = boxes((0, 0, 10, 10), (0, 0, 10, 10))
    assert nms(same, np.array([0.5, 0.5], np.float32), 0.3).tolist() == [0]


def test_squares_and_rectangles_stay_about_the_centre() -> None:
    given = boxes((10, 20, 30, 60))
    np.testing.assert_allclose(squares(given, 1.0), [[0, 20, 40, 60]])
    np.testing.assert_allclose(squares(given, 1.5), [[-10, 10, 50, 70]])
    np.testing.assert_allclose(squares(given, 1.0, lift=0.1), [[0, 16, 40, 56]])
    np.testing.assert_allclose(rectangles(given, np.array([[10, 20]])), [[15, 30, 25, 50]])


# -- transforms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("degrees", "scale", "shift"), [(0, 1, (0, 0)), (30, 2, (5, -7)), (-135, 0.25, (300, 40))])
def test_a_known_turn_scale_and_shift_is_found_again(degrees: float, scale: float, shift: tuple[int, int]) -> None:
    a, b = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    known = np.array([[a, -b, shift[0]], [b, a, shift[1]]], np.float32)
    inverse = cv2.invertAffineTransform(known)
    source = ARCFACE_LANDMARKS5 @ inverse[:, :2].T + inverse[:, 2]
    found = similarity_transforms(np.stack([source, ARCFACE_LANDMARKS5]), ARCFACE_LANDMARKS5)
    np.testing.assert_allclose(found[0], known, atol=2e-4 * max(1, abs(shift[0])))
    np.testing.assert_allclose(found[1], [[1, 0, 0], [0, 1, 0]], atol=1e-4)


def test_where_points_do_not_fit_the_error_is_the_least() -> None:
    source = ARCFACE_LANDMARKS5 + np.random.default_rng(0).normal(0, 3, (5, 2)).astype(np.float32)
    (best,) = similarity_transforms(source[None], ARCFACE_LANDMARKS5)

    def error(matrix: np.ndarray) -> float:
        return float(((source @ matrix[:, :2].T + matrix[:, 2] - ARCFACE_LANDMARKS5) ** 2).sum())

    for a, b, x, y in np.random.default_rng(1).normal(0, 0.01, (50, 4)):
        assert error(best) <= error(best + np.array([[a, -b, x], [b, a, y]])) + 1e-3


def test_points_that_coincide_do_no_harm() -> None:
    matrices = similarity_transforms(np.full((1, 5, 2), 50, np.float32), ARCFACE_LANDMARKS5)
    assert np.isfinite(matrices).all()
    assert warp(smooth(100, 100), matrices, 112).shape == (1, 112, 112, 3)


# -- crops -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_a_cut_of_whole_pixels_is_a_plain_resize(factor: int) -> None:
    picture = smooth(200, 300)
    side = 64
    box = boxes((20, 30, 20 + side * factor, 30 + side * factor)) if factor < 4 else boxes((0, 0, 200, 200))
    x1, y1, x2, y2 = box[0].astype(int)
    plain = cv2.resize(picture[y1:y2, x1:x2], (side, side), interpolation=cv2.INTER_AREA)
    inner = slice(1, -1)
    difference = np.abs(crop_and_resize(picture, box, side)[0].astype(int) - plain)[inner, inner]
    assert difference.max() <= 2
    if factor == 1:
        assert difference.max() == 0


def test_a_cut_keeps_the_order_and_stretches_to_a_square() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:, 20:] = 255
    left, both = crop_and_resize(picture, boxes((0, 0, 10, 30), (10, 0, 30, 40)), 20)
    assert not left.any()
    assert not both[:, :9].any()
    assert (both[:, 11:] == 255).all()


def test_outside_the_picture_a_cut_repeats_the_edge_and_a_warp_is_black() -> None:
    picture = np.full((50, 50, 3), 90, np.uint8)
    assert (crop_and_resize(picture, boxes((-100, -100, 20, 20)), 32) == 90).all()
    away = np.array([[[1, 0, 500], [0, 1, 500]]], np.float32)
    assert not warp(picture, away, 32).any()


@pytest.mark.parametrize("size", [(333, 517), (640, 480), (1000, 1001)])
def test_reduced_levels_agree_with_the_unreduced_warp_on_a_smooth_picture(size: tuple[int, int]) -> None:
    picture = smooth(*size)
    matrices = []
    for scale, degrees in ((0.45, 0), (0.24, 20), (0.12, -50)):
        turn = cv2.getRotationMatrix2D((size[1] / 2, size[0] / 2), degrees, scale)
        turn[:, 2] += [56 - size[1] / 2, 56 - size[0] / 2]
        matrices.append(turn)
    for crop, matrix in zip(warp(picture, np.array(matrices, np.float32), 112), matrices, strict=True):
        plain = cv2.warpAffine(picture, matrix, (112, 112), flags=cv2.INTER_LINEAR)
        inside = cv2.warpAffine(np.full(size, 255, np.uint8), matrix, (112, 112)) == 255
        inside = cv2.erode(inside.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
        assert inside.sum() > 200
        assert np.abs(crop.astype(int) - plain)[inside].max() <= 3


def test_a_large_face_is_averaged_not_picked_at() -> None:
    """Bilinear sampling of a chequered board, at an eighth, would see black or white; a person sees grey."""
    board = (np.indices((800, 800)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=-1)
    (crop,) = crop_and_resize(board, boxes((0, 0, 800, 800)), 100)
    assert abs(int(crop[10:-10, 10:-10].mean()) - 127) <= 1
    assert crop[10:-10, 10:-10].std() < 2


# -- quality ---------------------------------------------------------------------------------------------------------


def test_detail_falls_with_blur_and_not_with_dim_light() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 1), np.uint8).repeat(3, axis=-1)
    sharp = cv2.GaussianBlur(noise, (0, 0), 1.0)
    soft = cv2.GaussianBlur(noise, (0, 0), 3.0)
    dim = (sharp * 0.5).astype(np.uint8)
    detail, luma = detail_and_luma(np.stack([sharp, soft, dim]))
    assert detail[1] < detail[0] / 5
    assert detail[2] == pytest.approx(detail[0], rel=0.2)
    assert luma[2] == pytest.approx(luma[0] / 2, rel=0.02)


def test_a_flat_crop_has_its_luma_and_no_detail() -> None:
    detail, luma = detail_and_luma(np.full((1, 112, 112, 3), 77, np.uint8))
    assert detail[0] == 0
    assert luma[0] == pytest.approx(77)


# -- turned faces ----------------------------------------------------------------------------------------------------


def clockwise(degrees: float) -> np.ndarray:
    """What turns points so, y pointing down."""
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)


@pytest.mark.parametrize("degrees", [0, 30, 90, 179, -120])
def test_points_tell_how_far_a_face_is_turned_and_that_they_are_those_of_a_face(degrees: float) -> None:
    points = (ARCFACE_LANDMARKS5 * 3 + 40) @ clockwise(degrees).T
    turns, misfits = turns_and_misfits(points[None])
    assert turns == pytest.approx([degrees], abs=1e-3)
    assert misfits == pytest.approx([0], abs=1e-3)
    assert turns_and_misfits(points[None, [2, 0, 3, 1, 4]])[1] > 4


def test_a_crop_of_a_turned_face_shows_it_upright_in_its_middle() -> None:
    points = ARCFACE_LANDMARKS5 @ clockwise(90).T + 300
    middle = points.mean(axis=0)
    box = np.concatenate([middle - 20, middle + 20])[None]
    matrices = upright_crops(box, np.array([90], np.float32), 160, 2.0)
    np.testing.assert_allclose(transformed(middle[None, None], matrices), [[[80, 80]]], atol=1e-3)
    inside = transformed(points[None], matrices)
    assert turns_and_misfits(inside)[0] == pytest.approx([0], abs=1e-3)
    np.testing.assert_allclose(np.ptp(inside[0, :, 0]), np.ptp(ARCFACE_LANDMARKS5[:, 0]) * 2, rtol=1e-4)
    np.testing.assert_allclose(transformed(inside, inverted(matrices))[0], points, atol=1e-2)


def test_the_box_of_a_turned_face_is_that_of_its_ellipse() -> None:
    box = boxes((10, 20, 50, 80))
    for degrees, halves in ((0, (20, 30)), (90, (30, 20)), (45, (np.sqrt(650), np.sqrt(650)))):
        matrix = np.concatenate([clockwise(degrees), [[5], [7]]], axis=1)[None].astype(np.float32)
        centre = clockwise(degrees) @ [30, 50] + [5, 7]
        expected = np.concatenate([centre - halves, centre + halves])
        np.testing.assert_allclose(upright_boxes(box, matrix)[0], expected, rtol=1e-5)


def test_a_portrait_of_a_turned_face_has_its_box_in_the_middle() -> None:
    points = (ARCFACE_LANDMARKS5 * 2) @ clockwise(200).T + 500
    matrices, box = upright_portraits(points[None], 200)
    inside = transformed(points[None], matrices)
    assert turns_and_misfits(inside) == (pytest.approx([0], abs=1e-3), pytest.approx([0], abs=1e-3))
    assert box[:2] + box[2:] / 2 == pytest.approx([0.5, 0.5])
    assert np.sqrt(box[2] * box[3]) == pytest.approx(0.5)
    ratio = (inside[0, 0, 0] / 200 - box[0]) / box[2]
    assert ratio == pytest.approx(
        (ARCFACE_LANDMARKS5[0, 0] - ALIGNED_BOX[0]) / (ALIGNED_BOX[2] - ALIGNED_BOX[0]), abs=1e-4
    )


def test_a_bordered_picture_stands_in_the_middle_of_black() -> None:
    canvas, scale, start = bordered(np.full((480, 640, 3), 200, np.uint8), 64, 128)
    assert (canvas.shape, start.tolist(), scale.tolist()) == ((128, 128, 3), [32, 40], pytest.approx([0.1, 0.1]))
    assert (canvas[40:88, 32:96] == 200).all()
    assert canvas.sum() == 48 * 64 * 3 * 200


# -- halves and planes -----------------------------------------------------------------------------------------------


def test_half_of_a_picture_is_the_mean_of_every_four_pixels_without_odd_edges() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (41, 63, 3), np.uint8)
    means = picture[:40, :62].reshape(20, 2, 31, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved(picture) - means).max() <= 0.5


def test_a_letterbox_shows_the_mean_of_all_that_it_stands_for() -> None:
    stripes = np.zeros((1280, 1920, 3), np.uint8)
    stripes[:, ::2] = 200
    canvas = letterbox(stripes, 320)[0][:213]
    assert np.abs(canvas.astype(int) - 100).max() <= 1


def test_planes_are_the_channels_of_each_picture_even_of_a_part_of_one() -> None:
    pictures = np.random.default_rng(3).integers(0, 256, (2, 9, 11, 3), np.uint8)
    np.testing.assert_array_equal(planes(pictures), pictures.transpose(0, 3, 1, 2))
    part = pictures[:, 2:7, 3:9]
    np.testing.assert_array_equal(planes(part), part.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(planes(pictures[..., :1]), pictures[..., :1].transpose(0, 3, 1, 2))
