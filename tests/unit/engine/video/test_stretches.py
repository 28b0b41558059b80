from __future__ import annotations

from typing import Any

from regard.engine.video.stretches import stretches


def label(at: int, name: str, confidence: float) -> dict[str, Any]:
    shape = {"Name": name, "Confidence": confidence, "Instances": [{"Confidence": confidence}]}
    return {"at": at, "name": name, "confidence": confidence, "Timestamp": at, "Label": shape}


def test_looks_of_a_label_that_follow_each_other_make_one_stretch_as_sure_as_the_surest() -> None:
    found = [label(0, "Dog", 60), label(500, "Dog", 90), label(500, "Cat", 70), label(1500, "Dog", 80)]
    dog, cat = sorted(stretches(found, "Label", 1100), key=lambda each: each["at"])
    assert dog == {
        "at": 0,
        "name": "Dog",
        "confidence": 90,
        "Timestamp": 0,
        "Label": {"Name": "Dog", "Confidence": 90},
        "StartTimestampMillis": 0,
        "EndTimestampMillis": 1500,
        "DurationMillis": 1500,
    }
    assert (cat["StartTimestampMillis"], cat["EndTimestampMillis"], cat["DurationMillis"]) == (500, 500, 0)


def test_a_label_that_was_away_makes_another_stretch() -> None:
    found = [label(0, "Dog", 60), label(500, "Dog", 60), label(2000, "Dog", 70)]
    assert [(each["StartTimestampMillis"], each["EndTimestampMillis"]) for each in stretches(found, "Label", 1100)] == [
        *((0, 500), (2000, 2000)),
    ]


def test_the_items_are_left_as_they_were() -> None:
    found = [label(0, "Dog", 60), label(500, "Dog", 90)]
    list(stretches(found, "Label", 1100))
    assert found == [label(0, "Dog", 60), label(500, "Dog", 90)]
