"""With the real detector: what is turned, huge or only drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
from people import astronaut, head, loaded

from regard.domain.arrays import ByteArray, FloatArray
from regard.domain.faces import Faces
from regard.vision.faces.face_decoders import Candidates
from regard.vision.faces.face_detector import FaceDetector
from regard.vision.faces.second_look import SecondLook
from regard.vision.geometry import ARCFACE_LANDMARKS5, turns_and_misfits


@pytest.fixture(scope="module")
def detector(models: Path) -> FaceDetector:
    return loaded(models).detector()


def pixels_of(faces: Faces, picture: ByteArray) -> tuple[FloatArray, FloatArray]:
    """Corner boxes and points in pixels."""
    sides = np.array(picture.shape[1::-1], np.float32)
    return np.concatenate(
        [faces.boxes[:, :2] * sides, (faces.boxes[:, :2] + faces.boxes[:, 2:]) * sides], axis=1
    ), faces.landmarks5 * sides


def turned(picture: ByteArray, degrees: float, points: FloatArray) -> tuple[ByteArray, FloatArray]:
    """The square picture turned clockwise about its middle, and where `points` are then."""
    middle, angle = picture.shape[0] / 2, np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    out = PIL.Image.fromarray(picture).rotate(-degrees, PIL.Image.Resampling.BICUBIC)
    return np.asarray(out), np.asarray((points - middle) @ turn + middle, np.float32)


@pytest.mark.parametrize("degrees", [20, 45, 70, 90, 120, 150, 180, 210, 240, 270, 300, 330])
@pytest.mark.slow
def test_a_turned_face_has_its_points_and_its_box_where_they_are(detector: FaceDetector, degrees: int) -> None:
    picture = np.pad(head(300), ((100, 100), (100, 100), (0, 0)))
    (upright,) = detector.detect([picture])
    boxes, points = pixels_of(upright.take(slice(1)), picture)
    out, expected = turned(picture, degrees, points[0])
    (faces,) = detector.detect([out])
    found_boxes, found = pixels_of(faces.take(slice(1)), out)
    eyes = np.linalg.norm(points[0, 0] - points[0, 1])
    assert np.linalg.norm(found[0] - expected, axis=1).max() < 0.2 * eyes
    turn = turns_and_misfits(found)[0][0]
    assert abs((turn - degrees + 180) % 360 - 180) < 10
    assert ((found_boxes[0, :2] < expected) & (expected < found_boxes[0, 2:])).all()
    sides, upright_sides = found_boxes[0, 2:] - found_boxes[0, :2], boxes[0, 2:] - boxes[0, :2]
    if degrees in (90, 270):
        upright_sides = upright_sides[::-1]
    if degrees % 90 == 0:
        assert sides == pytest.approx(upright_sides, rel=0.15)
    assert faces.confidence(0) > 99


@pytest.mark.parametrize("size", [(400, 400), (640, 480), (1600, 1200)])
def test_a_face_larger_than_the_picture_is_found(detector: FaceDetector, size: tuple[int, int]) -> None:
    (known,) = detector.detect([astronaut()])
    boxes, points = pixels_of(known.take(slice(1)), astronaut())
    middle, sides = (boxes[0, :2] + boxes[0, 2:]) / 2, np.array(size)
    half = sides * 0.3 * np.sqrt(np.prod(boxes[0, 2:] - boxes[0, :2]) / np.prod(sides))
    start, end = np.rint(middle - half).astype(int), np.rint(middle + half).astype(int)
    near = np.asarray(PIL.Image.fromarray(astronaut()[start[1] : end[1], start[0] : end[0]]).resize(size))
    (faces,) = detector.detect([near])
    expected = (points[0] - start) * np.array(size) / (end - start)
    found = pixels_of(faces.take(slice(1)), near)[1][0]
    eyes = np.linalg.norm(expected[0] - expected[1])
    assert np.linalg.norm(found - expected, axis=1).max() < 0.3 * eyes
    assert faces.boxes[0, 2] > 1
    assert faces.boxes[0, 3] > 1


def drawing(side: int) -> ByteArray:
    """A head as children draw it, which the first look takes for a face."""
    picture = PIL.Image.new("RGB", (side, side), (90, 140, 200))
    pen, unit = PIL.ImageDraw.Draw(picture), side / 100
    pen.ellipse([18 * unit, 8 * unit, 82 * unit, 94 * unit], fill=(240, 200, 170), outline=(0, 0, 0), width=3)
    for x in (35, 65):
        pen.ellipse([(x - 8) * unit, 38 * unit, (x + 8) * unit, 46 * unit], fill=(255, 255, 255), outline=(0, 0, 0))
        pen.ellipse([(x - 3) * unit, 39 * unit, (x + 3) * unit, 45 * unit], fill=(40, 25, 10))
        pen.line([(x - 9) * unit, 33 * unit, (x + 9) * unit, 32 * unit], fill=(40, 20, 10), width=round(2 * unit))
    pen.polygon([(50 * unit, 46 * unit), (45 * unit, 59 * unit), (55 * unit, 59 * unit)], fill=(205, 170, 145))
    pen.ellipse([37 * unit, 69 * unit, 63 * unit, 76 * unit], fill=(190, 70, 80))
    return np.asarray(picture)


def test_a_drawn_face_is_left_out_by_the_second_look_or_told_in_doubt(detector: FaceDetector) -> None:
    found = detector.detect([drawing(side) for side in range(200, 520, 40)])
    assert sum(map(len, found)) <= 2
    assert all(faces.confidence(0) < 60 for faces in found if len(faces))


def test_noise_and_gratings_show_no_face(detector: FaceDetector) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:480, :640]
    pictures = [rng.integers(0, 256, (480, 640, 3)).astype(np.uint8)]
    pictures += [np.repeat((127 + 127 * np.sin((x + y) / p))[..., None], 3, 2).astype(np.uint8) for p in (3, 9, 30)]
    assert [len(faces) for faces in detector.detect(pictures)] == [0] * len(pictures)


@pytest.mark.slow
def test_of_development_faces_nearly_all_are_told_with_confidence(detector: FaceDetector, shared_data: Path) -> None:
    files = sorted((shared_data / "lfw-dev").glob("*/*.jpg"))[::10]
    pictures = [np.asarray(PIL.Image.open(file).convert("RGB")) for file in files]
    largest = [faces.confidence(0) for faces in detector.detect(pictures)]
    assert len(largest) >= 200
    assert np.mean(np.array(largest) > 99) >= 0.95


class Counted:
    """Sees, in the middle of every crop, an upright face of `score`; counts the crops."""

    def __init__(self, score: float) -> None:
        self.score, self.sides = score, list[int]()

    @property
    def crops(self) -> int:
        return len(self.sides)

    def __call__(self, canvas: ByteArray) -> Candidates:
        side = canvas.shape[0]
        self.sides.append(side)
        points = (ARCFACE_LANDMARKS5 / 112 + 0.5 - ARCFACE_LANDMARKS5.mean(axis=0) / 112) * side
        box = np.array([[side / 4, side / 4, side * 3 / 4, side * 3 / 4]], np.float32)
        return Candidates(box, np.array([self.score], np.float32), points[None].astype(np.float32))


def candidates(*scores: float) -> Candidates:
    """Upright faces side by side, of these scores."""
    shifts = np.arange(len(scores), dtype=np.float32)[:, None, None] * [120, 0]
    points = (ARCFACE_LANDMARKS5[None] + shifts).astype(np.float32)
    boxes = np.concatenate([points.min(axis=1) - 10, points.max(axis=1) + 10], axis=1)
    return Candidates(boxes.astype(np.float32), np.array(scores, np.float32), points)


@pytest.mark.parametrize(
    ("first", "second", "crops", "kept"),
    [
        ([0.9], 0.1, 0, [0.9]),  # certain
        ([0.6], 0.95, 1, [0.95]),
        ([0.6], 0.1, 1, []),  # not seen again
        ([0.3], 0.8, 5, [0.8]),  # a hint, in four directions and then upright
        ([0.3], 0.7, 5, []),
        ([0.9] * 5 + [0.3], 0.8, 0, [0.9] * 5),  # a crowd stands upright
        ([0.6] * 9, 0.95, 4, [0.6] * 5 + [0.95] * 4),  # and must not cost more than it did
    ],
)
def test_what_is_looked_at_twice_and_what_it_is_then(
    first: list[float], second: float, crops: int, kept: list[float]
) -> None:
    find = Counted(second)
    seen = SecondLook(find, 0.83).improve(np.zeros((200, 1200, 3), np.uint8), candidates(*first))
    assert (find.crops, seen.scores.tolist()) == (crops, pytest.approx(kept))


@pytest.mark.parametrize(
    ("others", "size", "side"), [(5, 0.5, 96), (5, 1.5, 128), (1, 0.5, 128)], ids=["small", "larger", "no crowd"]
)
def test_a_small_face_of_a_crowd_is_looked_at_in_a_smaller_crop(others: int, size: float, side: int) -> None:
    find, found = Counted(0.95), candidates(*[0.9] * others, 0.6)
    found = Candidates(found.boxes * np.float32(size), found.scores, found.landmarks5 * np.float32(size))
    SecondLook(find, 0.83).improve(np.zeros((200, 1200, 3), np.uint8), found)
    assert find.sides == [side]


def test_an_uncertain_face_that_is_upright_keeps_its_points() -> None:
    before = candidates(0.6)
    seen = SecondLook(Counted(0.9), 0.83).improve(np.zeros((200, 200, 3), np.uint8), before)
    np.testing.assert_array_equal(seen.landmarks5, before.landmarks5)
    np.testing.assert_array_equal(seen.boxes, before.boxes)
