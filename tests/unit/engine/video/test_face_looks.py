"""Faces looked for where they were a moment ago, by the real detector."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from people import head

from regard.domain.faces import Detail, Faces
from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.video.looks import FaceLooks

DETAIL = Detail.QUALITY | Detail.POSE


class Counting:
    """The analyzer, and how often it looked at a whole frame."""

    def __init__(self, analyzer: FaceAnalyzer) -> None:
        self._analyzer = analyzer
        self.find_again = analyzer.find_again
        self.describe = analyzer.describe
        self.whole = 0

    def find(self, images: list[Image]) -> list[Faces]:
        self.whole += 1
        return self._analyzer.find(images)


@pytest.fixture
def counting(analyzer: FaceAnalyzer) -> Counting:
    return Counting(analyzer)


def looks(counting: Counting) -> FaceLooks:
    models: Any = SimpleNamespace(faces=counting)
    return FaceLooks(models, DETAIL)


def picture(*lefts: int) -> Image:
    """A wall of 640×480 with the astronaut's head at these places."""
    pixels = np.full((480, 640, 3), 96, np.uint8)
    for left in lefts:
        pixels[150:330, left : left + 180] = head(180)
    return Image(pixels=pixels, width=640, height=480)


def lefts(faces: Faces) -> list[float]:
    return sorted((faces.boxes[:, 0] * 640).tolist())


def test_who_moves_a_little_is_found_without_a_look_at_the_whole(counting: Counting, analyzer: FaceAnalyzer) -> None:
    seeing = looks(counting)
    for at, left in ((0, 40), (200, 60), (400, 80)):
        found = seeing.describe(picture(left), seeing.find(picture(left), at))
        (whole,) = analyzer.faces([picture(left)], DETAIL)
        assert len(found) == len(whole) == 1
        np.testing.assert_allclose(found.boxes, whole.boxes, atol=0.02)
        np.testing.assert_allclose(found.landmarks5, whole.landmarks5, atol=0.01)
        assert found.quality is not None
    assert counting.whole == 1
    seeing.find(picture(90), 600)
    assert counting.whole == 2


def test_who_comes_is_seen_by_the_next_look_at_the_whole(counting: Counting) -> None:
    seeing = looks(counting)
    assert len(seeing.find(picture(40), 0)) == 1
    assert len(seeing.find(picture(40, 400), 200)) == 1
    assert len(seeing.find(picture(40, 400), 600)) == 2


def test_who_leaves_is_not_told_and_who_is_elsewhere_is_found_there(counting: Counting) -> None:
    seeing = looks(counting)
    assert len(seeing.find(picture(40), 0)) == 1
    assert lefts(seeing.find(picture(400), 200)) == pytest.approx([420], abs=60)
    assert len(seeing.find(picture(), 400)) == 0
    assert counting.whole == 3


def test_of_two_who_cross_neither_is_told_twice(counting: Counting) -> None:
    seeing = looks(counting)
    assert len(seeing.find(picture(40, 400), 0)) == 2
    assert len(seeing.find(picture(40), 200)) == 1
    assert counting.whole == 2


def test_rare_looks_are_all_at_the_whole(counting: Counting) -> None:
    seeing = looks(counting)
    for at in (0, 500, 1000, 1500):
        assert len(seeing.find(picture(40), at)) == 1
    assert counting.whole == 4
