"""Stored video from end to end: real clips, unmodified boto3, a worker in a process of its own, topics and queues."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import numpy as np
import pytest
from clips import clip
from live_server import Live, with_models
from people import head

from regard.bootstrap.job_workers import working_on_jobs

if TYPE_CHECKING:
    from s3_server import S3Server

pytest_plugins = ["s3_server"]

Refused = Callable[..., tuple[str, str]]
PATIENCE_SECONDS = 300
GUIDES = Path(__file__).parents[2] / "docs" / "guides"
#: Start and Get by the name they share: what Start needs beside the video, and the array of the answer.
PAIRS: dict[str, tuple[dict[str, Any], str]] = {
    "celebrity_recognition": ({}, "Celebrities"),
    "content_moderation": ({"MinConfidence": 0}, "ModerationLabels"),
    "face_detection": ({"FaceAttributes": "ALL"}, "Faces"),
    "face_search": ({"CollectionId": "known"}, "Persons"),
    "label_detection": ({}, "Labels"),
    "person_tracking": ({}, "Persons"),
    "segment_detection": ({"SegmentTypes": ["TECHNICAL_CUE", "SHOT"]}, "Segments"),
    "text_detection": ({}, "TextDetections"),
}


@pytest.fixture(scope="module")
def film() -> bytes:
    """Two seconds of the astronaut's head, who drifts to the right; then one of black."""
    face = head(200)
    frames = []
    for at in range(50):
        frame = np.full((360, 480, 3), 96, np.uint8)
        frame[80:280, 60 + at : 260 + at] = face
        frames.append(frame)
    return clip(frames + [np.zeros((360, 480, 3), np.uint8)] * 25)


@pytest.fixture(scope="module")
def busy(models: Path, tmp_path_factory: pytest.TempPathFactory, s3_process: S3Server) -> Iterator[Live]:
    """A server over S3 and SNS whose jobs are done, and a collection with the astronaut in it."""
    store = s3_process.settings
    events = {"sns_endpoint": s3_process.url} | {
        f"sns_{name}": store[f"s3_{name}"] for name in ("access_key_id", "secret_access_key")
    }
    home = tmp_path_factory.mktemp("home")
    with with_models(models, home, objects=store, events=events) as live, working_on_jobs(live.engine):
        yield live


@pytest.fixture(scope="module")
def stored(busy: Live, s3_process: S3Server, film: bytes, portrait: bytes) -> dict[str, Any]:
    """The film in S3, as the Video of a request; and whom it shows enrolled as ada."""
    s3_process.put("films", "ada.mp4", film)
    client = busy.client()
    client.create_collection(CollectionId="known")
    client.index_faces(CollectionId="known", Image={"Bytes": portrait}, ExternalImageId="ada")
    return {"S3Object": {"Bucket": "films", "Name": "ada.mp4"}}


def ended(get: Callable[..., dict[str, Any]], job: str) -> dict[str, Any]:
    """As programs poll that look for nothing but JobStatus."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := get(JobId=job))["JobStatus"] == "IN_PROGRESS":
        assert set(answer) == {"JobStatus", "ResponseMetadata"}
        assert time.monotonic() < deadline, "the job did not end"
        time.sleep(0.3)
    return answer


@pytest.fixture(scope="module")
def answers(busy: Live, stored: dict[str, Any], s3_process: S3Server) -> dict[str, Any]:
    """What all eight found, started at once as an archive does: with the item's id as token and as tag, and a topic;
    and what a queue that subscribes to the topic heard."""
    item, access = "item-7", {"aws_access_key_id": "A", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    sns, sqs = (boto3.client(name, endpoint_url=s3_process.url, **access) for name in ("sns", "sqs"))
    with closing(sns), closing(sqs):
        topic = sns.create_topic(Name="done")["TopicArn"]
        queue = sqs.create_queue(QueueName="done")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        client = busy.client()
        common = {
            "Video": stored,
            "ClientRequestToken": item,
            "JobTag": item,
            "NotificationChannel": {"SNSTopicArn": topic, "RoleArn": "arn:aws:iam::123456789012:role/rekognition"},
        }
        jobs = {}
        for name, (more, _) in PAIRS.items():
            start = getattr(client, f"start_{name}")
            jobs[name] = start(**common, **more)["JobId"]
            assert start(**common, **more)["JobId"] == jobs[name]
        assert len(set(jobs.values())) == len(PAIRS)
        found: dict[str, Any] = {name: ended(getattr(client, f"get_{name}"), job) for name, job in jobs.items()}
        heard: dict[str, Any] = {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(heard) < len(PAIRS) and time.monotonic() < deadline:
            for received in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                message = json.loads(json.loads(received["Body"])["Message"])
                heard[message["JobId"]] = message
    return {"found": found, "heard": heard, "jobs": jobs}


def test_every_pair_answers_with_what_it_found_and_about_the_video(answers: dict[str, Any]) -> None:
    for name, (_, items) in PAIRS.items():
        answer = answers["found"][name]
        assert (answer["JobStatus"], answer.get("StatusMessage")) == ("SUCCEEDED", None), name
        assert (answer["JobId"], answer["JobTag"]) == (answers["jobs"][name], "item-7")
        assert answer["Video"] == {"S3Object": {"Bucket": "films", "Name": "ada.mp4"}}
        metadata = answer["VideoMetadata"]
        video = metadata[0] if name == "segment_detection" else metadata
        assert (video["Codec"], video["FrameWidth"], video["FrameHeight"]) == ("h264", 480, 360)
        assert (video["DurationMillis"], round(video["FrameRate"])) == (3000, 25)
        assert isinstance(answer[items], list)


def test_faces_labels_and_moderation_are_told_look_by_look(answers: dict[str, Any]) -> None:
    found = answers["found"]
    faces = found["face_detection"]["Faces"]
    assert len(faces) >= 8
    assert all(each["Timestamp"] < 2000 for each in faces)
    assert {"BoundingBox", "Landmarks", "AgeRange"} <= set(faces[0]["Face"])
    assert not {"FaceOccluded", "EyeDirection"} & set(faces[0]["Face"])
    assert "Person" in {each["Label"]["Name"] for each in found["label_detection"]["Labels"]}
    assert {each["ModerationLabel"]["Name"] for each in found["content_moderation"]["ModerationLabels"]} == {"Explicit"}
    times = [each["Timestamp"] for each in found["label_detection"]["Labels"]]
    assert times == sorted(times)


def test_who_is_enrolled_is_found_and_every_person_has_matches_if_only_none(answers: dict[str, Any]) -> None:
    persons = answers["found"]["face_search"]["Persons"]
    names = {match["Face"]["ExternalImageId"] for each in persons for match in each["FaceMatches"]}
    assert names == {"ada"}
    assert len({each["Person"]["Index"] for each in persons}) == 1
    assert all(match["Similarity"] > 95 for each in persons for match in each["FaceMatches"])
    assert answers["found"]["celebrity_recognition"]["Celebrities"] == []  # nobody is named here


def test_the_shot_and_the_black_frames_are_exact(answers: dict[str, Any]) -> None:
    answer = answers["found"]["segment_detection"]
    cues = [each for each in answer["Segments"] if each["Type"] == "TECHNICAL_CUE"]
    shots = [each for each in answer["Segments"] if each["Type"] == "SHOT"]
    assert answer["Segments"] == cues + shots
    assert [each["TechnicalCueSegment"]["Type"] for each in cues] == ["Content", "BlackFrames"]
    assert (cues[1]["StartFrameNumber"], cues[1]["EndFrameNumber"]) in {(49, 74), (50, 74)}
    assert shots[0]["StartFrameNumber"] == 0
    assert [each["Type"] for each in answer["SelectedSegmentTypes"]] == ["TECHNICAL_CUE", "SHOT"]
    assert answer["AudioMetadata"] == []


def test_the_end_of_each_job_is_told_once_as_rekognition_tells_it(answers: dict[str, Any]) -> None:
    assert set(answers["heard"]) == set(answers["jobs"].values())
    for name, job in answers["jobs"].items():
        message = answers["heard"][job]
        operation = "Start" + "".join(part.title() for part in name.split("_"))
        assert (message["API"], message["Status"], message["JobTag"]) == (operation, "SUCCEEDED", "item-7")
        assert message["Video"] == {"S3ObjectName": "ada.mp4", "S3Bucket": "films"}
        assert isinstance(message["Timestamp"], int)


def test_answers_are_read_in_pages_in_any_order_and_as_segments(busy: Live, answers: dict[str, Any]) -> None:
    client, job = busy.client(), answers["jobs"]["label_detection"]
    whole = answers["found"]["label_detection"]["Labels"]
    found, token = [], ""
    while token is not None:
        answer = client.get_label_detection(JobId=job, MaxResults=3, NextToken=token, SortBy="TIMESTAMP")
        found += answer["Labels"]
        token = answer.get("NextToken")
    assert found == whole
    names = [each["Label"]["Name"] for each in client.get_label_detection(JobId=job, SortBy="NAME")["Labels"]]
    assert names == sorted(names)
    segments = client.get_label_detection(JobId=job, AggregateBy="SEGMENTS")
    assert segments["GetRequestMetadata"] == {"SortBy": "TIMESTAMP", "AggregateBy": "SEGMENTS"}
    assert {"StartTimestampMillis", "EndTimestampMillis", "DurationMillis"} <= set(segments["Labels"][0])
    assert client.get_label_detection(JobId=job, MaxResults=5000)["Labels"] == whole


def test_what_cannot_be_asked_is_refused_in_rekognitions_words(
    busy: Live, answers: dict[str, Any], refused: Refused
) -> None:
    client, job = busy.client(), answers["jobs"]["label_detection"]
    token = client.get_label_detection(JobId=job, MaxResults=1)["NextToken"]
    for code, asked in {
        "ResourceNotFoundException": {"JobId": "0" * 64},
        "InvalidPaginationTokenException": {"JobId": job, "SortBy": "NAME", "NextToken": token},
        "ValidationException": {"JobId": job, "MaxResults": 0},
    }.items():
        assert refused(client.get_label_detection, **asked)[0] == code
    assert refused(client.get_face_detection, JobId=job)[0] == "ResourceNotFoundException"
    key, secret = busy.engine.access_keys.create("stranger")
    stranger = busy.client(aws_access_key_id=key, aws_secret_access_key=secret)
    assert refused(stranger.get_label_detection, JobId=job)[0] == "ResourceNotFoundException"


def test_what_is_no_video_fails_and_says_so(busy: Live, s3_process: S3Server, refused: Refused) -> None:
    client = busy.client()
    for content in (b"no film at all", b"GIF89a" + bytes(1000)):
        s3_process.put("films", "odd.mp4", content)
        job = client.start_face_detection(Video={"S3Object": {"Bucket": "films", "Name": "odd.mp4"}})["JobId"]
        answer = ended(client.get_face_detection, job)
        assert (answer["JobStatus"], answer["Faces"]) == ("FAILED", [])
        assert answer["StatusMessage"] == "Unsupported codec/format"
    missing = {"S3Object": {"Bucket": "films", "Name": f"{uuid4()}.mp4"}}
    assert refused(client.start_face_detection, Video=missing)[0] == "InvalidS3ObjectException"


# -- programs as they stand in the guides ------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_programs_of_the_guides_run_as_they_stand(
    busy: Live, s3_process: S3Server, film: bytes, tmp_path: Path
) -> None:
    (tmp_path / "party.mp4").write_bytes(film)
    environment = {
        "AWS_ACCESS_KEY_ID": busy.key,
        "AWS_SECRET_ACCESS_KEY": busy.secret,
        "AWS_ENDPOINT_URL": s3_process.url,
        "AWS_ENDPOINT_URL_REKOGNITION": busy.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    said = []
    for guide in ("from-rekognition-video.md", "video.md"):
        text = (GUIDES / guide).read_text(encoding="utf-8")
        [program] = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.splitlines())
    assert sorted(said[0]) == [
        "faces SUCCEEDED True",
        "labels party SUCCEEDED True",
        "segments h264 SHOT TECHNICAL_CUE",
    ]
    assert any("Person" in line for line in said[1])
