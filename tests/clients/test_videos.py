"""Stored video through every client, with the habits of public programs: all eight kinds at once with one token and one
tag, polled, read from an empty token on in small pages, in every shape.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from clips import clip
from live_server import Live
from people import head

from regard.bootstrap.job_workers import working_on_jobs

from .drivers import Driver

PATIENCE_SECONDS = 300
#: What Start takes beside the video, and the array of the answer.
PAIRS: Mapping[str, tuple[dict[str, Any], str]] = {
    "CelebrityRecognition": ({}, "Celebrities"),
    "ContentModeration": ({"MinConfidence": 0}, "ModerationLabels"),
    "FaceDetection": ({"FaceAttributes": "ALL"}, "Faces"),
    "FaceSearch": ({}, "Persons"),
    "LabelDetection": ({}, "Labels"),
    "PersonTracking": ({}, "Persons"),
    "SegmentDetection": ({"SegmentTypes": ["TECHNICAL_CUE", "SHOT"]}, "Segments"),
    "TextDetection": ({}, "TextDetections"),
}


@pytest.fixture(scope="module")
def video(live: Live) -> Iterator[dict[str, Any]]:
    """Half a second of a head and half a second of black, and somebody who looks at it."""
    frame = np.full((240, 320, 3), 128, np.uint8)
    frame[20:220, 60:260] = head(200)
    live.put("short.mp4", clip([frame] * 12 + [np.zeros_like(frame)] * 13))
    with working_on_jobs(live.engine):
        yield {"S3Object": {"Bucket": "photos", "Name": "short.mp4"}}


def read(driver: Driver, name: str, job: str) -> tuple[dict[str, Any], list[Any]]:
    """The first answer after the job's end, and all items: a page of three after another."""
    deadline, member = time.monotonic() + PATIENCE_SECONDS, PAIRS[name][1]
    asked = {"JobId": job, "MaxResults": 3}
    while (first := driver.call(f"Get{name}", NextToken="", **asked))["JobStatus"] == "IN_PROGRESS":
        assert time.monotonic() < deadline, "the job did not end"
        time.sleep(0.3)
    answer, items = first, list(first[member])
    while token := answer.get("NextToken"):
        answer = driver.call(f"Get{name}", NextToken=token, **asked)
        items += answer[member]
    return first, items


@pytest.mark.slow
def test_all_that_can_be_found_is_asked_for_at_once_and_read(
    driver: Driver, video: dict[str, Any], collection: str
) -> None:
    item = f"item-{time.monotonic_ns()}"
    common = {"Video": video, "ClientRequestToken": item, "JobTag": item}
    needed = {
        name: more | ({"CollectionId": collection} if name == "FaceSearch" else {}) for name, (more, _) in PAIRS.items()
    }
    jobs = {name: driver.call(f"Start{name}", **common, **more)["JobId"] for name, more in needed.items()}
    assert driver.call("StartLabelDetection", **common)["JobId"] == jobs["LabelDetection"]
    found = {}
    for name, job in jobs.items():
        answer, found[name] = read(driver, name, job)
        assert (answer["JobStatus"], answer["JobTag"]) == ("SUCCEEDED", item), answer
        metadata = answer["VideoMetadata"]
        assert (metadata[0] if name == "SegmentDetection" else metadata)["FrameWidth"] == 320
    cues = [each for each in found["SegmentDetection"] if each["Type"] == "TECHNICAL_CUE"]
    assert [each["TechnicalCueSegment"]["Type"] for each in cues] == ["Content", "BlackFrames"]
    assert [each["Timestamp"] for each in found["FaceDetection"]] == [0, 200, 400]
    assert [each["FaceMatches"] for each in found["FaceSearch"]] == [[]] * 3
    assert "Person" in {each["Label"]["Name"] for each in found["LabelDetection"]}
    assert {each["Person"]["Index"] for each in found["PersonTracking"]} == {0}
    assert found["CelebrityRecognition"] == []
    fault = driver.refused("GetLabelDetection", JobId=jobs["FaceDetection"])
    assert fault.code == "ResourceNotFoundException"
