from __future__ import annotations

import numpy as np
import pytest

from regard.vision.cards import catalogue, parse_cards
from regard.vision.confidence import Confidence

LINE = Confidence(((0.3, 0.2), (0.5, 0.6), (0.9, 1.0)))


def test_a_score_between_two_points_is_read_off_the_line_and_beyond_them_it_is_level() -> None:
    np.testing.assert_allclose(LINE.percent(np.array([0, 0.3, 0.4, 0.9, 1], np.float32)), [20, 20, 40, 100, 100])


def test_a_share_has_the_score_that_earns_it() -> None:
    assert LINE.score(0.8) == pytest.approx(0.7)
    assert LINE.percent(np.array([LINE.score(0.8)], np.float32)) == pytest.approx([80])


@pytest.mark.parametrize(
    ("points", "fault"),
    [
        (((0.5, 0.5),), "needs two"),
        (((0.5, 0.5), (0.9, 1.1)), r"\[0\.9, 1\.1\]; a score and a share are within 0 and 1"),
        (((0.5, 0.5), (0.5, 0.9)), "must rise"),
        (((0.5, 0.5), (0.9, 0.4)), "must rise"),
        (((0.5, 0.5), (0.9, float("nan"))), "within 0 and 1"),
    ],
)
def test_points_that_are_no_rising_line_are_refused(points: tuple[tuple[float, float], ...], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Confidence(points)


def test_only_a_detector_or_a_classifier_has_a_confidence() -> None:
    text = """
        [mine]
        task = "face-embedder"
        family = "arcface"
        file = "mine.onnx"
        sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
        size = 1
        licence = "MIT"
        provenance = "me"
        dimension = 8
        input = { width = 0, height = 0, channels = "RGB", mean = [0, 0, 0], std = [1, 1, 1] }
        sources = [{ url = "https://example.com/mine.onnx" }]
        confidence = [[0.5, 0.5], [0.9, 0.9]]
    """
    with pytest.raises(Exception, match="confidence is for these tasks only: face-detector, scene-classifier"):
        parse_cards(text, "models.toml")


def test_no_score_of_the_default_detector_goes_without_meaning() -> None:
    confidence = catalogue()["centerface"].confidence
    assert confidence is not None
    assert confidence.points[0][0] <= 0.5
