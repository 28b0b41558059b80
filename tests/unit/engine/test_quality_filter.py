from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from regard.domain.faces import Faces, QualityLevel
from regard.domain.images import Image
from regard.engine.analysis.quality_filter import BARS, reasons, select, utility_reasons

PICTURE = Image(pixels=np.zeros((100, 100, 3), np.uint8), width=1000, height=1000)
GOOD = {
    "pixels": 200.0,
    "score": 0.95,
    "brightness": 60.0,
    "sharpness": 90.0,
    "yaw": 0.0,
    "pitch": 0.0,
    "utility": 95.0,
}


def faces(*rows: dict[str, float]) -> Faces:
    """One face per row, GOOD but for what the row says."""
    table = [GOOD | row for row in rows]
    count = len(table)
    boxes = np.zeros((count, 4), np.float32)
    boxes[:, 2:] = np.array([[row["pixels"] / 1000] * 2 for row in table], np.float32).reshape(-1, 2)
    return Faces(
        boxes=boxes,
        scores=np.array([row["score"] for row in table], np.float32),
        landmarks5=np.zeros((count, 5, 2), np.float32),
        quality=np.array([[row["brightness"], row["sharpness"]] for row in table], np.float32).reshape(-1, 2),
        pose=np.array([[row["yaw"], row["pitch"], 120] for row in table], np.float32).reshape(-1, 3),
        landmarks68=np.zeros((count, 68, 2), np.float32),
        utility=np.array([row["utility"] for row in table], np.float32),
    )


def test_every_level_of_the_service_model_has_a_bar_or_none() -> None:
    assert list(BARS) == list(QualityLevel)


@pytest.mark.parametrize("level", [level for level, bar in BARS.items() if bar])
@pytest.mark.parametrize(
    ("name", "sign", "key", "reason"),
    [
        ("pixels", 1, "pixels", "SMALL_BOUNDING_BOX"),
        ("score", 1, "score", "LOW_CONFIDENCE"),
        ("brightness", 1, "brightness", "LOW_BRIGHTNESS"),
        ("sharpness", 1, "sharpness", "LOW_SHARPNESS"),
        ("max_turn", -1, "yaw", "EXTREME_POSE"),
        ("max_turn", -1, "pitch", "EXTREME_POSE"),
    ],
)
def test_each_level_has_a_bar_for_each_reason(level: str, name: str, sign: int, key: str, reason: str) -> None:
    bar = getattr(BARS[level], name)
    small = bar / 100
    over, under = faces({key: bar + sign * small}), faces({key: bar - sign * small})
    assert reasons(over, PICTURE, level) == [[]]
    assert reasons(under, PICTURE, level) == [[reason]]


@pytest.mark.parametrize("level", [level for level, bar in BARS.items() if bar])
def test_each_level_has_a_bar_for_what_the_embedder_makes_of_a_face(level: str) -> None:
    bar = BARS[level]
    assert bar is not None
    judged = faces({"utility": bar.utility + 1}, {"utility": bar.utility - 1})
    assert utility_reasons(judged, level) == [[], ["LOW_FACE_QUALITY"]]
    assert utility_reasons(judged, "NONE") == [[], []]
    assert utility_reasons(replace(judged, utility=None), level) == [[], []]


def test_points_that_contradict_each_other_are_an_extreme_pose() -> None:
    """The contour lies a quarter of the face's width from the five points."""
    contradicted = faces({}, {})
    assert contradicted.landmarks68 is not None
    contradicted.landmarks68[1, :, 0] += 0.25 * contradicted.boxes[1, 2]
    assert reasons(contradicted, PICTURE, "AUTO") == [[], ["EXTREME_POSE"]]
    assert reasons(contradicted, PICTURE, "NONE") == [[], []]


def test_a_face_may_be_turned_either_way() -> None:
    assert reasons(faces({"yaw": -80}, {"pitch": -80}), PICTURE, "AUTO") == [["EXTREME_POSE"]] * 2


def test_the_levels_only_get_stricter() -> None:
    bars = [BARS[level] for level in ("AUTO", "LOW", "MEDIUM", "HIGH")]
    for lower, higher in pairwise(bars):
        assert lower is not None
        assert higher is not None
        for name in ("pixels", "score", "brightness", "sharpness", "utility"):
            assert getattr(lower, name) < getattr(higher, name) or name == "score"
        assert lower.max_turn > higher.max_turn


def test_size_is_counted_in_the_originals_pixels() -> None:
    """The picture at hand is 100×100, a scaled decode of 1000×1000."""
    assert reasons(faces({"pixels": 40}), PICTURE, "MEDIUM") == [[]]


def test_every_reason_is_told_at_once() -> None:
    assert reasons(faces({"pixels": 1, "sharpness": 0, "score": 0.1}), PICTURE, "HIGH") == [
        ["LOW_SHARPNESS", "LOW_CONFIDENCE", "SMALL_BOUNDING_BOX"]
    ]


def test_without_a_filter_everything_passes() -> None:
    assert reasons(faces({"pixels": 1, "sharpness": 0, "yaw": 90}), PICTURE, "NONE") == [[]]
    assert select(faces({"pixels": 1}), PICTURE, "NONE", 10).kept.tolist() == [0]


def test_the_bad_go_first_then_the_smallest() -> None:
    """Faces come largest first: of the three good ones the two largest stay."""
    found = faces({}, {"sharpness": 0}, {"pixels": 150}, {"pixels": 100})
    selection = select(found, PICTURE, "AUTO", 2)
    assert selection.kept.tolist() == [0, 2]
    assert selection.refused == {1: ["LOW_SHARPNESS"], 3: ["EXCEEDS_MAX_FACES"]}


def test_no_faces_are_no_trouble() -> None:
    selection = select(faces(), PICTURE, "HIGH", 5)
    assert selection.kept.dtype == np.int64
    assert (len(selection.kept), selection.refused) == (0, {})


def test_the_filter_needs_what_it_judges_by() -> None:
    bare = Faces(
        boxes=np.zeros((1, 4), np.float32), scores=np.ones(1, np.float32), landmarks5=np.zeros((1, 5, 2), np.float32)
    )
    with pytest.raises(ValueError, match="quality, pose and 68 points"):
        reasons(bare, PICTURE, "AUTO")
    assert reasons(bare, PICTURE, "NONE") == [[]]
