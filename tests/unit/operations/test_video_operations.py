"""The operations on stored video, call by call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from video_studio import BOB, FILM, NAMES, VIDEO, Studio, handlers_over

from regard.engine.video.video_jobs import MOST_VIDEO_BYTES
from regard.errors import (
    IdempotentParameterMismatch,
    InvalidParameter,
    InvalidS3Object,
    LimitExceeded,
    ResourceNotFound,
    ResourceNotReady,
    VideoTooLarge,
)
from regard.operations.videos import ANALYSES
from regard.wire.constraints import broken
from regard.wire.schema import load

# -- every pair ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_job_is_started_goes_on_and_tells_what_it_found(studio: Studio, name: str) -> None:
    analysis = next(each for each in ANALYSES if each.name == name)
    job = studio.start(name, JobTag="3")
    assert studio.ask(f"Get{name}", JobId=job) == {"JobStatus": "IN_PROGRESS"}
    studio.work()
    answer = studio.ask(f"Get{name}", JobId=job)
    assert (answer["JobStatus"], answer["StatusMessage"], answer["JobId"]) == ("SUCCEEDED", None, job)
    assert (answer["JobTag"], answer["Video"]) == ("3", VIDEO)
    assert answer["VideoMetadata"] == ([FILM] if name == "SegmentDetection" else FILM)
    assert len(answer[analysis.items]) == 3
    assert answer["NextToken"] is None
    assert not {"at", "group"} & set(answer[analysis.items][0])
    if analysis.model is not None:
        assert answer[analysis.model] == "toy-1"


@pytest.mark.parametrize("name", NAMES)
def test_a_job_that_found_nothing_or_failed_has_an_empty_list(studio: Studio, name: str) -> None:
    analysis = next(each for each in ANALYSES if each.name == name)
    nothing, unreadable = studio.start(name, JobTag="0"), studio.start(name, JobTag="unreadable")
    studio.work()
    assert studio.ask(f"Get{name}", JobId=nothing)[analysis.items] == []
    answer = studio.ask(f"Get{name}", JobId=unreadable)
    assert (answer["JobStatus"], answer["StatusMessage"]) == ("FAILED", "Unsupported codec/format")
    assert answer[analysis.items] == []
    shape = load().operations[f"Get{name}"].output
    assert shape is not None
    assert set(answer) == set(shape.members)  # each of them is there, if only as null


@pytest.mark.parametrize("name", NAMES)
def test_the_job_of_another_key_another_kind_and_nobody_cannot_be_found(studio: Studio, name: str) -> None:
    job, other = studio.start(name), next(each for each in NAMES if each != name)
    for operation, caller, asked in (
        (f"Get{name}", BOB, job),
        (f"Get{other}", studio.me, job),
        (f"Get{name}", studio.me, "0" * 64),
        ("GetMediaAnalysisJob", studio.me, job),
    ):
        with pytest.raises(ResourceNotFound, match="Could not find JobId"):
            studio.ask(operation, caller, JobId=asked)


# -- starting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", [None, {}, {"Bucket": "films"}, {"Name": "x"}])
def test_a_video_that_is_not_named_or_not_there_is_an_invalid_object(
    studio: Studio, name: str, place: dict[str, Any] | None
) -> None:
    with pytest.raises(InvalidS3Object):
        studio.start(name, Video={} if place is None else {"S3Object": place})
    with pytest.raises(InvalidS3Object):
        studio.start(name, Video={"S3Object": {"Bucket": "films", "Name": "other.mp4"}})


@pytest.mark.parametrize("name", NAMES)
def test_a_video_of_ten_gibibytes_is_taken_and_a_larger_one_is_not(studio: Studio, name: str) -> None:
    with (studio.films / "clip.mp4").open("r+b") as film:
        film.truncate(MOST_VIDEO_BYTES)
        assert studio.start(name)
        film.truncate(MOST_VIDEO_BYTES + 1)
    with pytest.raises(VideoTooLarge):
        studio.start(name)


@pytest.mark.slow
def test_the_twenty_first_job_that_goes_on_is_one_too_many(studio: Studio) -> None:
    for _ in range(20):
        studio.start("FaceDetection")
    with pytest.raises(LimitExceeded, match="20 open Jobs for User"):
        studio.start("LabelDetection")
    assert studio.start("LabelDetection", BOB)
    studio.work()
    assert studio.start("LabelDetection")


def test_a_token_starts_one_job_for_each_operation(studio: Studio) -> None:
    first = studio.start("FaceDetection", ClientRequestToken="item-7")
    assert studio.start("FaceDetection", ClientRequestToken="item-7") == first
    assert studio.start("LabelDetection", ClientRequestToken="item-7") != first
    with pytest.raises(IdempotentParameterMismatch):
        studio.start("FaceDetection", ClientRequestToken="item-7", JobTag="other")
    (studio.films / "clip.mp4").unlink()  # it is not looked for again
    assert studio.start("FaceDetection", ClientRequestToken="item-7") == first


def test_a_collection_must_be_there_to_be_searched(studio: Studio) -> None:
    with pytest.raises(ResourceNotFound):
        studio.start("FaceSearch", CollectionId="nobody")


@pytest.mark.parametrize("name", ["ContentModeration", "LabelDetection", "PersonTracking", "TextDetection"])
def test_without_its_models_a_job_is_refused_at_once(studio: Studio, tmp_path: Path, name: str) -> None:
    bare = replace(studio, handlers=handlers_over(studio.database, studio.films.parent, tmp_path))
    with pytest.raises(ResourceNotReady, match="regard models pull"):
        bare.start(name)


@pytest.mark.parametrize("region", [{}, {"BoundingBox": {"Left": 0.5}}, {"BoundingBox": {}, "Polygon": []}])
def test_a_region_of_interest_that_is_none_is_refused_at_once(studio: Studio, region: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameter, match="region of interest"):
        studio.start("TextDetection", Filters={"RegionsOfInterest": [region]})


@pytest.mark.parametrize(
    ("name", "said", "kept"),
    [
        ("LabelDetection", {}, {"MinConfidence": 50.0, "Settings": {}}),
        ("LabelDetection", {"MinConfidence": 0.0}, {"MinConfidence": 0.0, "Settings": {}}),
        ("FaceDetection", {}, {"FaceAttributes": "DEFAULT"}),
        ("FaceDetection", {"FaceAttributes": "ALL"}, {"FaceAttributes": "ALL"}),
        ("FaceSearch", {}, {"CollectionId": "staff", "FaceMatchThreshold": 80.0}),
        ("FaceSearch", {"FaceMatchThreshold": 0.0}, {"CollectionId": "staff", "FaceMatchThreshold": 0.0}),
        ("ContentModeration", {}, {"MinConfidence": 50.0}),
        ("PersonTracking", {}, {}),
        ("CelebrityRecognition", {}, {"MatchThreshold": None}),
        ("TextDetection", {}, {"Filters": {}}),
        (
            "SegmentDetection",
            {
                "SegmentTypes": ["SHOT", "TECHNICAL_CUE", "SHOT"],
                "Filters": {"ShotFilter": {"MinSegmentConfidence": 60}},
            },
            {
                "SegmentTypes": ["SHOT", "TECHNICAL_CUE"],
                "Filters": {
                    "TechnicalCueFilter": {
                        "MinSegmentConfidence": 50.0,
                        "BlackFrame": {"MaxPixelThreshold": 0.2, "MinCoveragePercentage": 99.0},
                    },
                    "ShotFilter": {"MinSegmentConfidence": 60},
                },
            },
        ),
    ],
)
def test_what_is_kept_of_a_request_has_rekognitions_defaults(
    studio: Studio, name: str, said: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert studio.kept(studio.start(name, **said)) == kept


@pytest.mark.parametrize("confidence", [49, 101])
def test_a_segments_confidence_below_50_is_against_the_model(confidence: int) -> None:
    filters = load().operations["StartSegmentDetection"].input.members["Filters"]
    least = filters.members["ShotFilter"].members["MinSegmentConfidence"]
    assert [*broken(least, confidence)]
