from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from regard.domain.arrays import FloatArray
from regard.vision.cards import Input
from regard.vision.confidence import Confidence
from regard.vision.faces.face_decoders import DECODERS, decode_centerface, decode_scrfd, decode_yunet
from regard.vision.faces.face_detector import FaceDetector, passes

ANY_SIZE = Input(width=0, height=0, channels="RGB", mean=(0, 0, 0), std=(1, 1, 1))


def centerface_outputs(rows: int, columns: int) -> dict[str, FloatArray]:
    return {
        name: np.zeros((1, depth, rows, columns), np.float32)
        for name, depth in (("537", 1), ("538", 2), ("539", 2), ("540", 10))
    }


def test_centerface_is_decoded_as_its_authors_do() -> None:
    """x1 = (column + offset x + ½)·4 − w/2, w = exp(scale)·4, height and y first; points relative to the box."""
    outputs = centerface_outputs(8, 16)
    outputs["537"][0, 0, 3, 5] = 0.9
    outputs["537"][0, 0, 1, 1] = 0.49  # below the threshold
    outputs["538"][0, :, 3, 5] = np.log([10, 5])  # 40 high, 20 wide
    outputs["539"][0, :, 3, 5] = [0.25, -0.25]  # y, x
    outputs["540"][0, :, 3, 5] = [0.3, 0.2, 0.3, 0.8, 0.5, 0.5, 0.8, 0.3, 0.8, 0.7]  # y, x of each point
    found = decode_centerface(outputs, (32, 64), 0.5)
    np.testing.assert_allclose(found.scores, [0.9])
    np.testing.assert_allclose(found.boxes, [[21 - 10, 15 - 20, 21 + 10, 15 + 20]], atol=1e-4)
    expected = [[11 + 20 * x, -5 + 40 * y] for y, x in ((0.3, 0.2), (0.3, 0.8), (0.5, 0.5), (0.8, 0.3), (0.8, 0.7))]
    np.testing.assert_allclose(found.landmarks5[0], expected, atol=1e-4)


def test_scrfd_is_decoded_as_insightface_does() -> None:
    """Nine outputs, scores of all strides first; anchors two by two on the cell's corner; distances in strides."""
    height, width = 64, 96
    scores, distances, marks = [], [], []
    for stride in (8, 16, 32):
        anchors = (height // stride) * (width // stride) * 2
        scores.append(np.zeros((anchors, 1), np.float32))
        distances.append(np.zeros((anchors, 4), np.float32))
        marks.append(np.zeros((anchors, 10), np.float32))
    # Stride 16: 4 rows of 6 cells; row 2, column 3, second anchor. Stride 8: row 0, column 1, first.
    at = (2 * 6 + 3) * 2 + 1
    scores[1][at], distances[1][at], marks[1][at] = 0.8, [1, 2, 3, 0.5], np.arange(10) / 4
    scores[0][2], distances[0][2] = 0.6, [1, 1, 1, 1]
    outputs = {str(450 + n): array for n, array in enumerate([*scores, *distances, *marks])}
    found = decode_scrfd(outputs, (height, width), 0.5)
    np.testing.assert_allclose(found.scores, [0.6, 0.8])
    np.testing.assert_allclose(found.boxes, [[0, -8, 16, 8], [48 - 16, 32 - 32, 48 + 48, 32 + 8]])
    np.testing.assert_allclose(found.landmarks5[1], np.array([48, 32]) + np.arange(10).reshape(5, 2) * 4)


def yunet_by_the_book(outputs: Mapping[str, FloatArray], size: tuple[int, int], threshold: float) -> list[list[float]]:
    """OpenCV's FaceDetectorYN, postProcess, loop by loop: x, y, w, h, five points, score."""
    rows: list[list[float]] = []
    for stride in (8, 16, 32):
        across = size[1] // stride
        for row in range(size[0] // stride):
            for column in range(across):
                cell = row * across + column
                cls, obj = outputs[f"cls_{stride}"][0, cell, 0], outputs[f"obj_{stride}"][0, cell, 0]
                score = float(np.sqrt(min(max(cls, 0.0), 1.0) * min(max(obj, 0.0), 1.0)))
                if score <= threshold:
                    continue
                dx, dy, dw, dh = outputs[f"bbox_{stride}"][0, cell]
                cx, cy = (column + dx) * stride, (row + dy) * stride
                w, h = np.exp(dw) * stride, np.exp(dh) * stride
                points = outputs[f"kps_{stride}"][0, cell].reshape(5, 2)
                flat = [(p + c) * stride for point in points for p, c in zip(point, (column, row), strict=True)]
                rows.append([cx - w / 2, cy - h / 2, w, h, *flat, score])
    return rows


def test_yunet_is_decoded_as_opencv_does() -> None:
    rng, size = np.random.default_rng(0), (64, 96)
    outputs = {}
    for stride in (8, 16, 32):
        cells = (size[0] // stride) * (size[1] // stride)
        for name, depth in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            outputs[f"{name}_{stride}"] = rng.normal(0.4, 0.5, (1, cells, depth)).astype(np.float32)
    found = decode_yunet(outputs, size, 0.5)
    book = np.array(yunet_by_the_book(outputs, size, 0.5), np.float32)
    assert len(book) > 20
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    np.testing.assert_allclose(np.concatenate([found.boxes[:, :2], sides], axis=1), book[:, :4], atol=1e-3)
    np.testing.assert_allclose(found.landmarks5.reshape(-1, 10), book[:, 4:14], atol=1e-3)
    np.testing.assert_allclose(found.scores, book[:, 14], atol=1e-6)


@pytest.mark.parametrize("family", DECODERS)
def test_a_picture_without_faces_has_none(family: str) -> None:
    outputs = {
        "centerface": centerface_outputs(8, 8),
        "scrfd": {
            f"{depth} {stride}": np.zeros((2 * (32 // stride) ** 2, depth), np.float32)
            for depth in (1, 4, 10)
            for stride in (8, 16, 32)
        },
        "yunet": {
            f"{name}_{stride}": np.zeros((1, (32 // stride) ** 2, depth), np.float32)
            for name, depth in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
            for stride in (8, 16, 32)
        },
    }
    found = DECODERS[family](outputs[family], (32, 32), 0.5)
    assert (found.boxes.shape, found.scores.shape, found.landmarks5.shape) == ((0, 4), (0,), (0, 5, 2))


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (80, 80, (320,)),
        (250, 250, (320,)),
        (480, 640, (640,)),
        (640, 480, (640,)),
        (480, 641, (641, 320)),
        (1280, 720, (1280, 320)),
        (4000, 3000, (1280, 320)),
    ],
)
def test_large_pictures_are_looked_at_twice_and_small_ones_enlarged(
    height: int, width: int, expected: tuple[int, ...]
) -> None:
    assert passes(height, width) == expected


class Blocks:
    """A session that finds, as CenterFace would, one face `side` pixels across wherever red is full."""

    outputs = ("537", "538", "539", "540")

    def __init__(self, side: int = 32) -> None:
        self.side = side
        self.canvases: list[tuple[int, int]] = []

    def run(self, batch: FloatArray) -> list[FloatArray]:
        height, width = batch.shape[2:]
        self.canvases.append((height, width))
        outputs = centerface_outputs(height // 4, width // 4)
        outputs["537"][0, 0] = (batch[0, 0, 2::4, 2::4] == 255) * 0.9
        outputs["538"][:] = np.log(self.side / 4)
        outputs["539"][:] = 0
        outputs["540"][:] = 0.5
        return list(outputs.values())


def red_at(height: int, width: int, *places: tuple[int, int, int]) -> np.ndarray:
    picture = np.zeros((height, width, 3), np.uint8)
    for y, x, side in places:
        picture[y : y + side, x : x + side, 0] = 255
    return picture


def test_boxes_and_points_are_ratios_of_the_picture_largest_first() -> None:
    detector = FaceDetector(Blocks(), "centerface", ANY_SIZE)
    (faces,) = detector.detect([red_at(240, 320, (100, 40, 4), (100, 200, 4))])
    assert len(faces) == 2
    for row, x in enumerate((40, 200)):
        np.testing.assert_allclose(faces.boxes[row] * [320, 240, 320, 240], [x + 2 - 16, 102 - 16, 32, 32], atol=1e-3)
        np.testing.assert_allclose(faces.landmarks5[row] * [320, 240], [[x + 2, 102]] * 5, atol=1e-3)


def test_a_face_found_in_both_passes_is_one_face_and_the_sizes_are_in_order() -> None:
    session = Blocks()
    detector = FaceDetector(session, "centerface", ANY_SIZE)
    (faces,) = detector.detect([red_at(960, 1280, (400, 400, 400))])
    assert session.canvases == [(960, 1280), (256, 320)]
    areas = np.prod(faces.boxes[:, 2:], axis=1)
    assert (np.diff(areas) <= 1e-7).all()
    assert areas[0] == pytest.approx(32 * 32 / (320 * 240))  # the coarse pass's, whose canvas is a quarter
    corners = np.concatenate([faces.boxes[:, :2], faces.boxes[:, :2] + faces.boxes[:, 2:]], axis=1)
    assert (corners[:, 2:] > corners[:, :2]).all()


@pytest.mark.parametrize(("faces", "side", "looks_coarsely"), [(6, 32, False), (6, 320, True), (4, 32, True)])
def test_a_crowd_of_small_faces_leaves_no_room_for_a_large_one(faces: int, side: int, looks_coarsely: bool) -> None:
    session = Blocks(side)
    detector = FaceDetector(session, "centerface", ANY_SIZE, Confidence(((0.3, 0.2), (0.85, 1.0))))
    places = [(200 + 330 * (face // 3), 200 + 330 * (face % 3), 4) for face in range(faces)]
    detector.detect([red_at(960, 1280, *places)])
    assert ((256, 320) in session.canvases) == looks_coarsely


def test_a_channel_order_of_bgr_is_honoured() -> None:
    blue = red_at(96, 96, (40, 40, 4))[..., ::-1]
    reversed_input = Input(width=0, height=0, channels="BGR", mean=(0, 0, 0), std=(1, 1, 1))
    assert len(FaceDetector(Blocks(), "centerface", reversed_input).detect([blue])[0]) == 1
    assert len(FaceDetector(Blocks(), "centerface", ANY_SIZE).detect([blue])[0]) == 0


def test_each_picture_of_a_list_has_its_own_answer() -> None:
    detector = FaceDetector(Blocks(), "centerface", ANY_SIZE)
    found = detector.detect([red_at(96, 96), red_at(96, 96, (40, 40, 4)), red_at(200, 100)])
    assert [len(faces) for faces in found] == [0, 1, 0]
    assert detector.detect([]) == []
