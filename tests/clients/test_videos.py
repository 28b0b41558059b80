"""Stored video through every client: started, polled, read in every shape."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from clips import clip
from live_server import Live

from regard.bootstrap.job_workers import working_on_jobs

from .drivers import Driver

PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def video(live: Live) -> Iterator[dict[str, Any]]:
    """Half a second of grey and half a second of black, and somebody who looks at it."""
    frame = np.full((240, 320, 3), 128, np.uint8)
    live.put("short.mp4", clip([frame] * 12 + [np.zeros_like(frame)] * 13))
    with working_on_jobs(live.engine):
        yield {"S3Object": {"Bucket": "photos", "Name": "short.mp4"}}


def test_segments_are_asked_for_and_read(driver: Driver, video: dict[str, Any]) -> None:
    asked = {"Video": video, "SegmentTypes": ["TECHNICAL_CUE", "SHOT"], "JobTag": "short"}
    job = driver.call("StartSegmentDetection", **asked)["JobId"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := driver.call("GetSegmentDetection", JobId=job, NextToken=""))["JobStatus"] == "IN_PROGRESS":
        assert time.monotonic() < deadline, "the job did not end"
        time.sleep(0.3)
    assert (answer["JobStatus"], answer["JobTag"]) == ("SUCCEEDED", "short")
    cues = [each["TechnicalCueSegment"]["Type"] for each in answer["Segments"] if each["Type"] == "TECHNICAL_CUE"]
    assert cues == ["Content", "BlackFrames"]
    assert answer["VideoMetadata"][0]["FrameWidth"] == 320
    fault = driver.refused("GetLabelDetection", JobId=job)
    assert fault.code == "ResourceNotFoundException"
