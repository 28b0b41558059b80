from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from regard.domain.faces import Faces
from regard.domain.images import Image
from regard.engine.analysis.mean_looks import MOST_LOOKS
from regard.engine.analysis.probes import Look as FaceLook
from regard.engine.video.tracks import FaceTracks, Identified, Told

PIXELS = np.arange(480 * 640 * 3, dtype=np.uint32).astype(np.uint8).reshape(480, 640, 3)
IMAGE = Image(pixels=PIXELS, width=1280, height=960)


def faces(*places: tuple[float, float, float], sharpness: float = 50.0) -> Faces:
    """Faces with their upper left corner and their width there."""
    boxes = np.array([[x, y, width, width] for x, y, width in places], np.float32).reshape(-1, 4)
    points = np.stack([boxes[:, :2] + boxes[:, 2:] * part for part in (0.3, 0.4, 0.5, 0.6, 0.7)], axis=1)
    return Faces(
        boxes=boxes,
        scores=np.full(len(boxes), 0.9, np.float32),
        landmarks5=points.astype(np.float32),
        quality=np.full((len(boxes), 2), sharpness, np.float32),
        pose=np.zeros((len(boxes), 3), np.float32),
    )


def followed(
    looks: Sequence[Faces], told: Sequence[Told | None], *, known_only: bool, parts: Sequence[Sequence[int]] = ()
) -> tuple[list[Any], list[list[FaceLook]]]:
    asked: list[list[FaceLook]] = []

    def identify(people: Sequence[Sequence[FaceLook]]) -> Sequence[Identified]:
        asked.extend(list(each) for each in people)
        if parts:
            return [Identified(track=0, looks=part, told=who) for part, who in zip(parts, told, strict=True)]
        return [Identified(track=row, looks=range(len(people[row])), told=who) for row, who in enumerate(told)]

    tracks = FaceTracks(lambda look, row: {"at": look.at, "Person": {"Face": row}}, identify, known_only=known_only)
    for number, found in enumerate(looks):
        tracks.see(SimpleNamespace(at=number * 200, image=IMAGE, faces=found))  # type: ignore[arg-type]
    return tracks.items(), asked


ADA, BOB = (0.1, 0.1, 0.1), (0.7, 0.1, 0.1)
KNOWN: Told = ({"Person": {"Name": "ada"}}, ["f1"])


def test_each_who_was_seen_is_asked_for_once_by_the_best_looks() -> None:
    looks = [faces(ADA, BOB, sharpness=10 * number) for number in range(10)]
    items, asked = followed(looks, [KNOWN, None], known_only=False)
    assert len(asked) == 2
    assert [float(look.face.quality[0, 1]) for look in asked[0]][:MOST_LOOKS] == [90, 80, 70, 60, 50]  # type: ignore[index]
    assert len([item for item in items if "mark" not in item]) == 20
    mine = [item for item in items if item.get("faces") == ["f1"]]
    assert len(mine) == 10
    assert mine[0]["Person"] == {"Face": 0, "Name": "ada"}


def test_where_only_those_who_are_known_are_told_nothing_is_left_of_the_others() -> None:
    items, _ = followed([faces(ADA, BOB)] * 4, [KNOWN, None], known_only=True)
    assert {item["index"] for item in items} == {0}
    assert "0.7" not in json.dumps(items)
    items, _ = followed([faces(ADA, BOB)] * 4, [None, None], known_only=True)
    assert items == []


def test_what_is_kept_is_plain_and_no_embedding() -> None:
    items, _ = followed([faces(ADA)] * 4, [KNOWN], known_only=False)
    numbers = [len(value) for item in items for value in item.values() if isinstance(value, list)]
    assert max(numbers) == 4  # a box
    assert json.loads(json.dumps(items)) == items


def test_a_look_is_cut_out_where_the_face_is() -> None:
    (box,) = faces((0.9, 0.8, 0.1)).boxes
    _, ((look,),) = followed([faces((0.9, 0.8, 0.1))], [None], known_only=False)
    height, width = look.image.pixels.shape[:2]
    left, top = (look.face.boxes[0, :2] * (width, height)).round().astype(int)
    whole = (box[:2] * (640, 480)).round().astype(int)
    shown = PIXELS[whole[1] - 3 : whole[1] + 3, whole[0] - 3 : whole[0] + 3]
    assert (look.image.pixels[top - 3 : top + 3, left - 3 : left + 3] == shown).all()
    assert height < 480


def test_nobody_seen_is_nobody_asked_for() -> None:
    assert followed([faces()], [], known_only=False) == ([], [])


@pytest.mark.parametrize("known_only", [True, False])
def test_a_track_whose_looks_are_at_two_people_is_two(known_only: bool) -> None:
    looks = [faces((0.1 + 0.01 * number, 0.1, 0.1), sharpness=100 - number) for number in range(MOST_LOOKS)]
    items, _ = followed(looks, [KNOWN, None], known_only=known_only, parts=[(0, 1, 2), (3, 4)])
    rows = [(item["at"], item["index"], "faces" in item) for item in items if "mark" not in item]
    known, unknown = [(0, 0, True), (200, 0, True), (400, 0, True)], [(600, 1, False), (800, 1, False)]
    assert rows == known + ([] if known_only else unknown)
    marks = [(item["index"], item["first_ms"], item["last_ms"]) for item in items if "mark" in item]
    assert marks == [(0, 0, 400), *([] if known_only else [(1, 600, 800)])]
