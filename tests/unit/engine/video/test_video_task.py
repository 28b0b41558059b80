"""What jobs on clips find by the real models, and how they fail."""

from __future__ import annotations

import cv2
import numpy as np
import people
import pytest
from clips import Making, clip, numbered
from film_studio import Studio
from granting import Granting
from scenes import black, shot

from regard.domain.authority import Action
from regard.domain.jobs import Chunk
from regard.engine.galleries.enrolment import EnrolmentOptions
from regard.engine.jobs.task import JobFailed, Part, Stopped
from regard.errors import InvalidS3Object, ResourceNotFound
from regard.media.blobs import ObjectReplaced

SEGMENTS = {
    "SegmentTypes": ["TECHNICAL_CUE", "SHOT"],
    "Filters": {
        "TechnicalCueFilter": {
            "MinSegmentConfidence": 50.0,
            "BlackFrame": {"MaxPixelThreshold": 0.2, "MinCoveragePercentage": 99.0},
        },
        "ShotFilter": {"MinSegmentConfidence": 50.0},
    },
}
FACES = {"FaceAttributes": "DEFAULT"}


def walking(picture: np.ndarray, count: int, pixels: int = 60) -> list[np.ndarray]:
    """A portrait, so high, that crosses a grey wall."""
    small = cv2.resize(picture, (pixels * picture.shape[1] // picture.shape[0], pixels), interpolation=cv2.INTER_AREA)
    frames = []
    for number in range(count):
        frame = np.full((240, 426, 3), 110, np.uint8)
        left = 10 + number * 3
        frame[90 : 90 + small.shape[0], left : left + small.shape[1]] = small
        frames.append(frame)
    return frames


SMOOTH = Making(options={"preset": "veryfast", "crf": "23", "g": "25"})
WANTED = {"CollectionId": "wanted", "FaceMatchThreshold": 90.0}


@pytest.fixture(scope="module")
def wanted(studio: Studio) -> Studio:
    """With a collection in which the one portrait is enrolled."""
    with Granting() as granting:
        studio.engine.galleries.create(granting.may(Action.ADMINISTER, "wanted"), "wanted", {})
        picture = people.encoded(people.astronaut())
        studio.engine.enrolment.index(granting.may(Action.ENROL, "wanted"), "wanted", picture, EnrolmentOptions())
    return studio


def test_one_who_walks_by_is_one_person_found_by_one_search(wanted: Studio) -> None:
    data = clip(walking(people.head(160), 75, 90), SMOOTH)
    search, faces = wanted.job("FACE_SEARCH", WANTED, data), wanted.job("FACE_DETECTION", FACES)
    found, seen = wanted.done(search, faces)
    by_time = found["TIMESTAMP"]
    assert [each["Timestamp"] for each in by_time] == list(range(0, 3000, 200))
    assert {each["Person"]["Index"] for each in by_time} == {0}
    assert all(each["FaceMatches"][0]["Similarity"] >= 90 for each in by_time)
    assert {len(each["faces"]) for each in by_time} == {1}
    assert [each["Timestamp"] for each in seen["TIMESTAMP"]] == list(range(0, 3000, 200))
    assert sorted(found["INDEX"][0]["Person"]["Face"]) == sorted(seen["TIMESTAMP"][0]["Face"])
    assert "EyeDirection" not in seen["TIMESTAMP"][0]["Face"]


def test_who_is_no_match_has_rows_with_an_empty_list(wanted: Studio) -> None:
    stranger = cv2.flip(people.head(160), 0)  # whom no threshold of 100 lets pass
    data = clip(walking(np.ascontiguousarray(stranger[::-1]), 25, 90), SMOOTH)
    (found,) = wanted.done(wanted.job("FACE_SEARCH", WANTED | {"FaceMatchThreshold": 100.0}, data))
    assert found["TIMESTAMP"]
    assert all(each["FaceMatches"] == [] and "faces" not in each for each in found["TIMESTAMP"])


@pytest.mark.slow
def test_all_kinds_of_job_share_one_decode_and_find_what_each_finds_alone(studio: Studio) -> None:
    data = clip([*walking(people.head(160), 25, 90), *black(0), *[numbered(6, 426, 240)[5]] * 25], SMOOTH)
    labels = {"MinConfidence": 50.0, "Settings": {}}
    jobs = [
        studio.job("FACE_DETECTION", FACES, data),
        studio.job("LABEL_DETECTION", labels),
        studio.job("SEGMENT_DETECTION", SEGMENTS),
    ]
    progress: list[float] = []
    together = studio.done(*jobs, progress=progress)
    assert together == [studio.done(job)[0] for job in jobs]
    assert len(progress) == 50  # each frame once
    assert progress == sorted(progress)
    assert [each["StartFrameNumber"] for each in together[2]["TIMESTAMP"]] == [0, 0, 25]
    assert {"NAME", "SEGMENTS", "SEGMENTS NAME"} <= set(together[1])
    names = [item["name"] for item in together[1]["NAME"]]
    assert names == sorted(names)
    assert "Person" in names


def test_labels_are_filtered_as_asked(studio: Studio) -> None:
    data = clip(walking(people.head(160), 25, 90), SMOOTH)
    only = {"GeneralLabels": {"LabelInclusionFilters": ["Person"]}}
    (found,) = studio.done(studio.job("LABEL_DETECTION", {"MinConfidence": 50.0, "Settings": only}, data))
    assert {item["name"] for item in found["TIMESTAMP"]} == {"Person"}
    assert [item["Timestamp"] for item in found["TIMESTAMP"]] == [0, 520]  # the first frame from 500 on


def test_without_celebrities_none_are_found(studio: Studio) -> None:
    data = clip(walking(people.head(160), 10, 90), SMOOTH)
    (found,) = studio.done(studio.job("CELEBRITY_RECOGNITION", {"MatchThreshold": None}, data))
    assert found == {"TIMESTAMP": [], "ID": []}


def test_a_plan_says_what_the_video_is_in_awss_words(studio: Studio) -> None:
    job = studio.job("SEGMENT_DETECTION", SEGMENTS, clip(numbered(50), Making(spoken=[0.1] * 50)))
    with Granting() as granting:
        plan = studio.task.plan(job, granting.may(Action.DETECT))
    assert plan.metadata["VideoMetadata"] == {
        "Codec": "h264",
        "DurationMillis": 2000,
        "Format": "QuickTime / MOV",
        "FrameRate": 25.0,
        "FrameHeight": 96,
        "FrameWidth": 128,
        "ColorRange": "LIMITED",
    }
    (audio,) = plan.metadata["AudioMetadata"]
    assert (audio["Codec"], audio["SampleRate"], audio["NumberOfChannels"]) == ("aac", 48_000, 1)
    assert plan.metadata["ModelVersion"]


@pytest.mark.parametrize("data", [b"", b"no video at all" * 100, b"ffconcat version 1.0\nfile clip.mp4\n"])
def test_what_is_no_video_fails_with_awss_words(studio: Studio, data: bytes) -> None:
    with pytest.raises(JobFailed, match=r"^Unsupported codec/format$"):
        studio.done(studio.job("SEGMENT_DETECTION", SEGMENTS, data))


def test_a_video_of_which_more_than_half_is_damaged_fails_and_one_with_less_does_not(studio: Studio) -> None:
    data = clip(shot(1, 60), Making(options={"preset": "ultrafast", "g": "5"}, muxing={"movflags": "faststart"}))
    for part, fails in ((0.8, False), (0.1, True)):
        first = int(len(data) * part)
        noise = np.random.default_rng(1).integers(0, 256, len(data) - first, np.uint8).tobytes()
        job = studio.job("SEGMENT_DETECTION", SEGMENTS, data[:first] + noise)
        if fails:
            with pytest.raises(JobFailed, match="damaged"):
                studio.done(job)
        else:
            assert studio.done(job)[0]["TIMESTAMP"]


def test_a_video_that_is_replaced_on_the_way_is_not_mixed_with_the_other(studio: Studio) -> None:
    job = studio.job("SEGMENT_DETECTION", SEGMENTS, clip(shot(1, 50)))
    studio.job("SEGMENT_DETECTION", SEGMENTS, clip(shot(2, 60)))
    with pytest.raises(ObjectReplaced):
        studio.done(job)


def test_a_video_that_is_deleted_on_the_way_fails_in_words(studio: Studio) -> None:
    job = studio.job("SEGMENT_DETECTION", SEGMENTS, clip(shot(1, 50)))
    (studio.folder / "clip.mp4").unlink()
    with pytest.raises(InvalidS3Object):
        studio.done(job)


def test_a_collection_that_is_deleted_on_the_way_fails_the_search_of_it_and_no_other_job(studio: Studio) -> None:
    studio.job("SEGMENT_DETECTION", SEGMENTS, clip(walking(people.head(160), 25, 90), SMOOTH))
    search = studio.job("FACE_SEARCH", WANTED | {"CollectionId": "gone"})
    with pytest.raises(ResourceNotFound, match="gone"):
        studio.done(search)
    assert studio.done(studio.job("FACE_DETECTION", FACES))[0]["TIMESTAMP"]


def test_a_threshold_of_0_tells_those_who_are_most_alike_and_no_more_than_five(wanted: Studio) -> None:
    stranger = cv2.flip(people.head(160), 0)
    data = clip(walking(np.ascontiguousarray(stranger[::-1]), 25, 90), SMOOTH)
    (found,) = wanted.done(wanted.job("FACE_SEARCH", WANTED | {"FaceMatchThreshold": 0.0}, data))
    assert found["TIMESTAMP"]
    assert all(1 <= len(each["FaceMatches"]) <= 5 for each in found["TIMESTAMP"])


def test_an_encrypted_video_fails(studio: Studio) -> None:
    hidden = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76" * 16, "encryption_kid": "a7" * 16}
    data = clip(shot(1, 60), Making(muxing=hidden))
    with pytest.raises(JobFailed, match=r"damaged|Unsupported codec/format"):
        studio.done(studio.job("SEGMENT_DETECTION", SEGMENTS, data))


def test_work_that_is_not_wanted_any_more_stops_at_the_next_frame(studio: Studio) -> None:
    job, seen = studio.job("SEGMENT_DETECTION", SEGMENTS, clip(shot(1, 50))), []

    def beat(progress: float) -> None:
        seen.append(progress)
        if len(seen) == 7:
            raise Stopped

    with Granting() as granting:
        part = Part(job=job, chunk=Chunk(number=0, from_ms=0, to_ms=10**9), grant=granting.may(Action.DETECT))
        with pytest.raises(Stopped):
            studio.task.run([part], beat)
    assert len(seen) == 7
