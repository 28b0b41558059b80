"""Films in which somebody else is where the one before was: who is followed, and whom a search names."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import people
import pytest
from clips import Making, clip
from film_studio import Studio
from granting import Granting
from scenes import lit, scene

from regard.bootstrap.videos import video_task
from regard.config.settings import load_settings
from regard.domain.authority import Action
from regard.domain.faces import Detail
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.galleries.enrolment import EnrolmentOptions
from regard.engine.jobs.task import Item
from regard.engine.video.looks import Look, Models
from regard.engine.video.segment_marks import SegmentMarks
from regard.engine.video.technical_frames import BlackFrame
from regard.engine.video.track_links import TrackLinks
from regard.engine.video.tracks import FaceTracks, Identified
from regard.engine.video.video_pass import Following, Segmenting, VideoPass
from regard.media.clip import open_clip
from regard.media.image_decoder import decode

WIDE, HIGH = 426, 240
TWO = ("Adrian_Murrell", "Adriana_Lima")
MAKING = Making(options={"preset": "veryfast", "crf": "20", "g": "25", "keyint_min": "25", "sc_threshold": "0"})
SEARCH = {"CollectionId": "two", "FaceMatchThreshold": 90.0}
SHOTS = {
    "SegmentTypes": ["SHOT"],
    "Filters": {
        "TechnicalCueFilter": {
            "MinSegmentConfidence": 50.0,
            "BlackFrame": {"MaxPixelThreshold": 0.2, "MinCoveragePercentage": 99.0},
        },
        "ShotFilter": {"MinSegmentConfidence": 50.0},
    },
}


@pytest.fixture(scope="module")
def portraits(shared_data: Path) -> list[np.ndarray]:
    """One photograph of each of two people."""
    return [decode((shared_data / "lfw-dev" / name / f"{name}_0001.jpg").read_bytes()).pixels for name in TWO]


@pytest.fixture(scope="module")
def two(studio: Studio, portraits: list[np.ndarray]) -> Studio:
    """With a collection in which both are enrolled under their names."""
    with Granting() as granting:
        studio.engine.galleries.create(granting.may(Action.ADMINISTER, "two"), "two", {})
        for name, portrait in zip(TWO, portraits, strict=True):
            options = EnrolmentOptions(external_image_id=name)
            studio.engine.enrolment.index(granting.may(Action.ENROL, "two"), "two", people.encoded(portrait), options)
    return studio


def filling(portrait: np.ndarray) -> np.ndarray:
    """A frame that is full of somebody."""
    large = cv2.resize(portrait, (WIDE, WIDE), interpolation=cv2.INTER_AREA)
    return large[60 : 60 + HIGH]


def on_a_wall(portrait: np.ndarray, wall: np.ndarray | None = None) -> np.ndarray:
    frame = np.full((HIGH, WIDE, 3), 110, np.uint8) if wall is None else wall.copy()
    frame[60:180, 150:270] = cv2.resize(portrait[60:190, 60:190], (120, 120), interpolation=cv2.INTER_AREA)
    return frame


def names(items: list[Item]) -> list[tuple[int, list[str]]]:
    return [
        (item["at"], [each["Face"]["ExternalImageId"] for each in item["FaceMatches"]])
        for item in items
        if "mark" not in item
    ]


def indices(items: list[Item]) -> list[list[Any]]:
    """Each index with the times at which it is first and last seen."""
    told: dict[int, list[int]] = {}
    for item in items:
        if "mark" not in item:
            told.setdefault(item["Person"]["Index"], []).append(item["at"])
    return [[index, times[0], times[-1]] for index, times in told.items()]


@pytest.mark.slow
def test_two_people_at_the_same_place_with_a_cut_between_are_two(two: Studio, portraits: list[np.ndarray]) -> None:
    data = clip([filling(portrait) for portrait in portraits for _ in range(50)], MAKING)
    tracking, search = two.job("PERSON_TRACKING", {}, data), two.job("FACE_SEARCH", SEARCH)
    followed, found = two.done(tracking, search)
    assert indices(followed["TIMESTAMP"]) == [[0, 0, 1800], [1, 2000, 3800]]
    assert indices(found["TIMESTAMP"]) == [[0, 0, 1800], [1, 2000, 3800]]
    assert names(found["TIMESTAMP"]) == [(at, [TWO[at >= 2000]]) for at in range(0, 4000, 200)]
    # Whatever else is asked for.
    assert two.done(tracking, two.job("SEGMENT_DETECTION", SHOTS))[0] == followed
    assert two.done(tracking)[0] == followed


@pytest.mark.slow
def test_two_on_one_wall_where_no_cut_is_told_are_named_each_for_themselves(
    two: Studio, portraits: list[np.ndarray]
) -> None:
    data = clip([on_a_wall(portrait) for portrait in portraits for _ in range(50)], MAKING)
    (shots,) = two.done(two.job("SEGMENT_DETECTION", SHOTS, data))
    assert len(shots["TIMESTAMP"]) == 1
    (found,) = two.done(two.job("FACE_SEARCH", SEARCH))
    told = names(found["TIMESTAMP"])
    assert [at for at, _ in told] == [*range(0, 4000, 200)]
    # Next to where the one becomes the other nobody is named who was not looked at.
    assert {at for at, name in told if not name} <= {1600, 1800, 2000, 2200}
    assert all(name == [TWO[at >= 2000]] for at, name in told if name)
    assert {tuple(name) for _, name in told if name} == {(name,) for name in TWO}
    assert len(indices(found["TIMESTAMP"])) == 2


def test_celebrities_on_one_wall_are_named_each_for_themselves(two: Studio, portraits: list[np.ndarray]) -> None:
    engine = two.engine
    with Granting() as granting:
        enrol = granting.may(Action.ENROL, "two")
        read = granting.may(Action.READ, "two")
        for face in engine.galleries.faces(read, engine.galleries.get(read, "two"), 0, 10):
            engine.users.create(enrol, "two", str(face.external_image_id))
            engine.users.associate(enrol, "two", str(face.external_image_id), [face.face_id], threshold=50.0)
    settings = load_settings(
        home=engine.settings.home, models={"folder": engine.settings.models.folder}, celebrities={"collection": "two"}
    )
    knowing = Studio(engine, video_task(settings, engine.stores), two.folder)
    data = clip([on_a_wall(portrait) for portrait in portraits for _ in range(50)], MAKING)
    (found,) = knowing.done(two.job("CELEBRITY_RECOGNITION", {"CollectionId": "two"}, data))
    told = [(each["at"], each["Celebrity"]["Name"]) for each in found["TIMESTAMP"] if "mark" not in each]
    assert len(told) >= 16
    assert all(name == TWO[at >= 2000] for at, name in told)
    assert {name for _, name in told} == set(TWO)
    # By which face each is known, so that it can be erased from what was found.
    with Granting() as granting:
        read = granting.may(Action.READ, "two")
        known = {
            str(face.external_image_id): [face.face_id]
            for face in engine.galleries.faces(read, engine.galleries.get(read, "two"), 0, 10)
        }
    assert all(each["faces"] == known[each["Celebrity"]["Name"]] for each in found["TIMESTAMP"] if "mark" not in each)


@pytest.mark.parametrize("lit_from", [24, 25, 26])
@pytest.mark.slow
def test_a_flash_and_a_camera_that_follows_somebody_keep_one_person(
    two: Studio, portraits: list[np.ndarray], lit_from: int
) -> None:
    wall = scene(3, 3 * WIDE, HIGH)
    frames = [on_a_wall(portraits[0], wall[:, 10 * number : 10 * number + WIDE]) for number in range(75)]
    frames[lit_from : lit_from + 2] = [lit(frame, 140) for frame in frames[lit_from : lit_from + 2]]
    (found,) = two.done(two.job("FACE_SEARCH", SEARCH, clip(frames, MAKING)))
    assert indices(found["TIMESTAMP"]) == [[0, 0, 2800]]
    assert {tuple(each) for _, each in names(found["TIMESTAMP"])} == {(TWO[0],)}


def linked(data: bytes, analyzer: FaceAnalyzer, seconds: float, *, segments: bool = False) -> list[list[Any]]:
    """Who is followed in a film that is done in chunks of about so long."""
    models = Models(faces=analyzer, labels=None, text=None, moderation=None)  # type: ignore[arg-type]

    def row(look: Look, _: int) -> dict[str, Any]:
        return {"at": look.at, "confidence": 99.0, "Person": {}}

    found: list[Item] = []
    with open_clip(io.BytesIO(data)) as film:
        for span in film.spans(seconds):
            tracks = FaceTracks(
                row,
                lambda people: [Identified(track=at, looks=range(99), told=None) for at in range(len(people))],
                known_only=False,
            )
            watchers: list[Any] = [Following(tracks, 200, Detail.NONE, light=True)]
            if segments:
                watchers.append(Segmenting(SegmentMarks(BlackFrame(), full_range=False, begins=span.from_ms == 0)))
            found += VideoPass(film, span, watchers, models).run(lambda _: None)[0]
    return indices(list(TrackLinks(found).renumbered(found)))


@pytest.mark.parametrize(
    "cut",
    [pytest.param(cut, marks=[] if cut == 50 else pytest.mark.slow) for cut in (44, 49, 50, 51, 53, 57)],
)
def test_where_chunks_are_cut_changes_nothing(models: Path, portraits: list[np.ndarray], cut: int) -> None:
    data = clip([filling(portraits[number >= cut]) for number in range(100)], MAKING)
    analyzer = FaceAnalyzer(people.loaded(models))
    begun = next(at for at in itertools.count(0, 5) if at >= cut) * 40
    for seconds, segments in ((60, False), (2, False), (2, True)):
        told = linked(data, analyzer, seconds, segments=segments)
        assert told == [[0, 0, begun - 200], [1, begun, 3800]], seconds


def test_who_stays_through_the_end_of_a_chunk_is_one(models: Path, portraits: list[np.ndarray]) -> None:
    data = clip([filling(portraits[0])] * 100, MAKING)
    assert linked(data, FaceAnalyzer(people.loaded(models)), 1) == [[0, 0, 3800]]


@pytest.mark.parametrize(("rate", "each"), [(5, 8), (60, 96)])
def test_a_cut_is_one_at_any_rate_of_frames(models: Path, portraits: list[np.ndarray], rate: int, each: int) -> None:
    data = clip(
        [filling(portrait) for portrait in portraits for _ in range(each)], replace(MAKING, rate=Fraction(rate))
    )
    (_, begun, ended), (_, again, _) = linked(data, FaceAnalyzer(people.loaded(models)), 60)
    assert (begun, again) == (0, 1600)
    assert ended < 1600
