"""Pose, points and the rest of a turned face, with the real models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from people import head, image, loaded

from regard.domain.faces import Detail, Faces
from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.upright_faces import described_upright

EVERYTHING = Detail.QUALITY | Detail.POSE | Detail.LANDMARKS68 | Detail.AGE | Detail.GENDER | Detail.EMOTIONS
PICTURE = np.pad(head(300), ((60, 60), (60, 60), (0, 0)))


@pytest.fixture(scope="module")
def analyzer(models: Path) -> FaceAnalyzer:
    return FaceAnalyzer(loaded(models))


@pytest.mark.parametrize(("quarters", "roll"), [(1, -90), (2, 180), (3, 90)])
def test_a_turned_face_is_described_as_the_upright_one_is(analyzer: FaceAnalyzer, quarters: int, roll: float) -> None:
    turned = np.ascontiguousarray(np.rot90(PICTURE, quarters))
    (upright,), (faces,) = (analyzer.faces([image(p)], EVERYTHING, limit=1) for p in (PICTURE, turned))
    assert upright.pose is not None
    assert faces.pose is not None
    assert faces.pose[0, :2] == pytest.approx(upright.pose[0, :2], abs=10)
    assert abs((faces.pose[0, 2] - upright.pose[0, 2] - roll + 180) % 360 - 180) < 8
    assert faces.female is not None
    assert faces.female[0] > 0.5
    assert faces.emotions is not None
    assert faces.emotions[0].argmax() == upright.emotions[0].argmax()  # type: ignore[index]
    assert upright.landmarks68 is not None
    assert faces.landmarks68 is not None
    expected = upright.landmarks68[0]
    for _ in range(quarters):
        expected = np.stack([expected[:, 1], 1 - expected[:, 0]], axis=1)
    away = np.linalg.norm(faces.landmarks68[0] - expected, axis=1)
    assert away.mean() < 0.1 * np.ptp(expected, axis=0).max()
    assert faces.quality is not None
    assert faces.quality[0] == pytest.approx(upright.quality[0], abs=15)  # type: ignore[index]


def test_faces_keep_their_order_and_only_those_that_lean_are_shown_upright() -> None:
    """Two upright faces and one on its side between them."""
    points = np.array([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.35, 0.7], [0.65, 0.7]], np.float32)
    aside = np.stack([1 - points[:, 1], points[:, 0]], axis=1)
    places = np.array([0.0, 0.3, 0.6], np.float32)
    marks = np.stack([points * 0.3, aside * 0.3, points * 0.3]) + places[:, None, None]
    faces = Faces(
        boxes=np.stack([[place, place, 0.3, 0.3] for place in places]).astype(np.float32),
        scores=np.array([0.9, 0.8, 0.7], np.float32),
        landmarks5=marks.astype(np.float32),
    )
    shown: list[tuple[tuple[int, ...], list[float]]] = []

    def describe(picture: Image, some: Faces) -> Faces:
        shown.append((picture.pixels.shape, some.scores.tolist()))
        return Faces(boxes=some.boxes, scores=some.scores, landmarks5=some.landmarks5, female=some.scores * 10)

    described = described_upright(describe, image(np.zeros((600, 600, 3), np.uint8)), faces)
    assert [(shape[0], scores) for shape, scores in shown] == [
        (600, pytest.approx([0.9, 0.7])),
        (448, pytest.approx([0.8])),
    ]
    assert described.female == pytest.approx([9, 8, 7])
    np.testing.assert_array_equal(described.boxes, faces.boxes)
    np.testing.assert_array_equal(described.landmarks5, faces.landmarks5)
