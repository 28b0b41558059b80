"""Bulk image analysis from the manifest in S3 to the results beside it, by boto3 and a worker of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import Live, with_models

from regard.bootstrap.job_workers import working_on_jobs

pytest_plugins = ["s3_server"]

PATIENCE_SECONDS = 120


@pytest.fixture
def busy(models: Path, tmp_path: Path, s3: Any) -> Iterator[Live]:
    """A server over S3 whose jobs are done."""
    with with_models(models, tmp_path / "home", objects=s3.settings) as live, working_on_jobs(live.engine):
        yield live


def ended(client: Any, job: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer: dict[str, Any] = client.get_media_analysis_job(JobId=job)
        if answer["Status"] in ("SUCCEEDED", "FAILED"):
            return answer
        assert answer["Status"] in ("CREATED", "QUEUED", "IN_PROGRESS")
        time.sleep(0.2)
    raise AssertionError("the job did not end")


def start(client: Any, bucket: str = "results", **more: Any) -> str:
    job: str = client.start_media_analysis_job(
        JobName="all-of-them",
        OperationsConfig={"DetectModerationLabels": {"MinConfidence": 0}},
        Input={"S3Object": {"Bucket": "pictures", "Name": "manifest.jsonl"}},
        OutputConfig={"S3Bucket": bucket, "S3KeyPrefix": "march"},
        **more,
    )["JobId"]
    return job


@pytest.mark.slow
def test_a_manifest_in_s3_becomes_results_and_a_summary_in_s3(busy: Live, s3: Any, portrait: bytes) -> None:
    s3.put("pictures", "ada.jpg", portrait)
    lines = ['{"source-ref": "s3://pictures/ada.jpg", "id": 7}', '{"source-ref": "s3://pictures/none.jpg"}', "no json"]
    s3.put("pictures", "manifest.jsonl", "\n".join(lines).encode())
    s3.s3.create_bucket(Bucket="results")
    client = busy.client()
    job = start(client, ClientRequestToken="once")
    assert start(client, ClientRequestToken="once") == job
    answer = ended(client, job)
    assert (answer["Status"], answer["JobName"]) == ("SUCCEEDED", "all-of-them")
    assert answer["Results"]["ModelVersions"] == {"Moderation": "open-nsfw-864bb37b"}
    assert answer["CompletionTimestamp"] >= answer["CreationTimestamp"]
    written = {
        name: s3.s3.get_object(Bucket=place["Bucket"], Key=place["Name"])["Body"].read()
        for name in ("Results", "ManifestSummary")
        if (place := answer[name]["S3Object"])
    }
    [line] = map(json.loads, written["Results"].splitlines())
    assert (line["source-ref"], line["id"]) == ("s3://pictures/ada.jpg", 7)
    assert line["detect-moderation-labels"]["ModerationLabels"][0]["Name"] == "Explicit"
    summary = json.loads(written["ManifestSummary"])
    assert summary["statistics"] == {"total-json-lines": 3, "valid-json-lines": 1, "invalid-json-lines": 2}
    assert [each["line-numer"] for each in summary["errors"]] == [2, 3]
    [listed] = client.list_media_analysis_jobs()["MediaAnalysisJobs"]
    assert listed["JobId"] == job


@pytest.mark.slow
def test_a_job_that_cannot_write_its_results_fails_with_awss_code(busy: Live, s3: Any, portrait: bytes) -> None:
    s3.put("pictures", "ada.jpg", portrait)
    s3.put("pictures", "manifest.jsonl", b'{"source-ref": "s3://pictures/ada.jpg"}')
    answer = ended(busy.client(), start(busy.client(), bucket="nowhere"))
    assert answer["FailureDetails"]["Code"] == "INVALID_OUTPUT_CONFIG"
    assert "nowhere" in answer["FailureDetails"]["Message"]
    assert "Results" not in answer


def test_what_is_no_manifest_is_refused_at_once(busy: Live, s3: Any, refused: Any) -> None:
    s3.put("pictures", "manifest.jsonl", b"")
    assert refused(lambda: start(busy.client()))[0] == "InvalidManifestException"
    s3.s3.delete_object(Bucket="pictures", Key="manifest.jsonl")
    assert refused(lambda: start(busy.client()))[0] == "InvalidS3ObjectException"
