"""What is found in stored video, page by page in every order; and jobs on manifests of pictures."""

from __future__ import annotations

from typing import Any

import pytest
from video_studio import BOB, NAMES, SOUND, Studio

from regard.domain.authority import Action
from regard.domain.callers import Principal
from regard.errors import (
    InvalidPaginationToken,
    InvalidParameter,
    InvalidS3Object,
    ResourceNotFound,
)
from regard.operations.acts import ACTS
from regard.operations.videos import ANALYSES
from regard.wire.constraints import broken
from regard.wire.schema import load

# -- pages, orders, segments -----------------------------------------------------------------------------------------


def pages(studio: Studio, name: str, job: str, **asked: Any) -> list[list[Any]]:
    items = next(each.items for each in ANALYSES if each.name == name)
    found, token = [], ""
    while token is not None:
        answer = studio.ask(f"Get{name}", JobId=job, NextToken=token, **asked)
        found.append(answer[items])
        token = answer["NextToken"]
        assert token is None or len(token) <= 255
    return found


def test_pages_follow_each_other_and_begin_with_an_empty_token(studio: Studio) -> None:
    job = studio.done("FaceDetection", JobTag="7")
    found = pages(studio, "FaceDetection", job, MaxResults=3)
    assert [[each["Timestamp"] // 1000 for each in page] for page in found] == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize("most", [1000, 1001, 5000, None])
def test_a_page_has_a_thousand_items_at_most_and_more_is_no_error(studio: Studio, most: int | None) -> None:
    job = studio.done("FaceDetection", JobTag="1001")
    asked = {} if most is None else {"MaxResults": most}
    assert [len(page) for page in pages(studio, "FaceDetection", job, **asked)] == [1000, 1]


def test_no_results_at_all_is_against_the_model() -> None:
    assert [*broken(load().operations["GetFaceDetection"].input.members["MaxResults"], 0)]


@pytest.mark.parametrize(
    ("name", "sort"),
    [
        ("LabelDetection", "NAME"),
        ("ContentModeration", "NAME"),
        ("FaceSearch", "INDEX"),
        ("PersonTracking", "INDEX"),
        ("CelebrityRecognition", "ID"),
    ],
)
def test_what_is_found_comes_by_time_or_together_with_its_like(studio: Studio, name: str, sort: str) -> None:
    job = studio.done(name, JobTag="7")

    def seconds(**asked: Any) -> list[int]:
        return [each["Timestamp"] // 1000 for page in pages(studio, name, job, **asked) for each in page]

    assert seconds() == seconds(SortBy="TIMESTAMP") == [0, 1, 2, 3, 4, 5, 6]
    assert seconds(SortBy=sort, MaxResults=2) == [0, 3, 6, 1, 4, 2, 5]


@pytest.mark.parametrize("name", ["LabelDetection", "ContentModeration"])
def test_segments_are_told_instead_of_looks_and_the_answer_says_which(studio: Studio, name: str) -> None:
    job, items = studio.done(name), next(each.items for each in ANALYSES if each.name == name)
    usual = studio.ask(f"Get{name}", JobId=job)
    assert usual["GetRequestMetadata"] == {"SortBy": "TIMESTAMP", "AggregateBy": "TIMESTAMPS"}
    for sort, starts in (("TIMESTAMP", [0, 1000]), ("NAME", [1000, 0])):
        answer = studio.ask(f"Get{name}", JobId=job, SortBy=sort, AggregateBy="SEGMENTS")
        assert answer["GetRequestMetadata"] == {"SortBy": sort, "AggregateBy": "SEGMENTS"}
        assert [each["StartTimestampMillis"] for each in answer[items]] == starts


def test_a_token_holds_for_one_job_one_order_and_one_operation(studio: Studio) -> None:
    first, second = studio.done("LabelDetection"), studio.done("LabelDetection")
    token = studio.ask("GetLabelDetection", JobId=first, MaxResults=2)["NextToken"]
    assert studio.ask("GetLabelDetection", JobId=first, SortBy="TIMESTAMP", NextToken=token)["Labels"]
    for asked in (
        {"JobId": second},
        {"JobId": first, "SortBy": "NAME"},
        {"JobId": first, "AggregateBy": "SEGMENTS"},
    ):
        with pytest.raises(InvalidPaginationToken):
            studio.ask("GetLabelDetection", **asked, NextToken=token)
    with pytest.raises(InvalidPaginationToken):
        studio.ask("GetLabelDetection", JobId=first, NextToken=token[:-4] + "AAAA")


def test_segments_of_a_video_come_with_its_sound_and_what_was_looked_for(studio: Studio) -> None:
    job = studio.done("SegmentDetection", SegmentTypes=["SHOT", "SHOT"])
    answer = studio.ask("GetSegmentDetection", JobId=job)
    assert answer["AudioMetadata"] == [SOUND]
    assert answer["SelectedSegmentTypes"] == [{"Type": "SHOT", "ModelVersion": "toy-1"}]


def test_an_unreadable_video_has_no_metadata_and_the_lists_of_segments_are_there(studio: Studio) -> None:
    answer = studio.ask("GetSegmentDetection", JobId=studio.done("SegmentDetection", JobTag="unreadable"))
    assert (answer["VideoMetadata"], answer["AudioMetadata"], answer["Segments"]) == ([], [], [])
    assert (
        studio.ask("GetFaceDetection", JobId=studio.done("FaceDetection", JobTag="unreadable"))["VideoMetadata"] is None
    )


# -- bulk image analysis ---------------------------------------------------------------------------------------------


def start_media(studio: Studio, caller: Principal | None = None, **more: Any) -> str:
    usual = {
        "OperationsConfig": {"DetectModerationLabels": {}},
        "Input": {"S3Object": {"Bucket": "films", "Name": "manifest.jsonl"}},
        "OutputConfig": {"S3Bucket": "films"},
    }
    job: str = studio.ask("StartMediaAnalysisJob", caller, **usual | more)["JobId"]
    return job


def test_jobs_on_manifests_are_listed_from_the_newest_page_by_page(studio: Studio) -> None:
    jobs = [start_media(studio, JobName=f"job-{number}") for number in range(5)]
    start_media(studio, BOB)
    studio.start("FaceDetection")
    found, token = [], ""
    while token is not None:
        answer = studio.ask("ListMediaAnalysisJobs", MaxResults=2, NextToken=token)
        found.append([each["JobId"] for each in answer["MediaAnalysisJobs"]])
        token = answer["NextToken"]
    assert found == [jobs[:2:-1], jobs[2:0:-1], jobs[:1]]


def test_a_job_on_a_manifest_says_what_was_asked_and_how_far_it_is(studio: Studio) -> None:
    job = start_media(studio, JobName="all", OutputConfig={"S3Bucket": "films", "S3KeyPrefix": "out"})
    answer = studio.ask("GetMediaAnalysisJob", JobId=job)
    assert (answer["Status"], answer["JobName"]) == ("QUEUED", "all")
    assert answer["Input"] == {"S3Object": {"Bucket": "films", "Name": "manifest.jsonl"}}
    assert answer["OutputConfig"] == {"S3Bucket": "films", "S3KeyPrefix": "out"}
    assert answer["OperationsConfig"] == {"DetectModerationLabels": {}}
    assert "Results" not in answer


@pytest.mark.parametrize(
    ("more", "fault", "words"),
    [
        ({"KmsKeyId": "mine"}, InvalidParameter, "no KMS keys"),
        ({"OperationsConfig": {}}, InvalidParameter, "DetectModerationLabels"),
        ({"OperationsConfig": {"DetectModerationLabels": {"ProjectVersion": "x"}}}, ResourceNotFound, "adapter"),
        ({"Input": {"S3Object": {"Bucket": "films", "Name": "none"}}}, InvalidS3Object, "S3"),
        ({"Input": {"S3Object": {}}}, InvalidS3Object, "S3"),
    ],
)
def test_what_cannot_be_done_of_a_manifest_is_refused_at_once(
    studio: Studio, more: dict[str, Any], fault: type[Exception], words: str
) -> None:
    with pytest.raises(fault, match=words):
        start_media(studio, **more)


def test_asking_is_reading() -> None:
    assert {ACTS[f"Get{name}"].action for name in (*NAMES, "MediaAnalysisJob")} == {Action.READ}
