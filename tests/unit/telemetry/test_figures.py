"""Figures for people, against the metrics that they are read from."""

from __future__ import annotations

import math

import pytest

from regard.domain.reporting import RequestRecord
from regard.telemetry.figures import quantile
from regard.telemetry.metrics import Metrics


def record(operation: str, seconds: float, code: str | None = None) -> RequestRecord:
    return RequestRecord(
        request_id="",
        service="rekognition",
        operation=operation,
        principal=None,
        status=200,
        code=code,
        seconds=seconds,
        waited=0,
        received=0,
        sent=0,
    )


def test_operations_are_told_the_busiest_first_with_their_faults_and_times() -> None:
    metrics = Metrics(version="1", face_model="sface", detector="centerface")
    for _ in range(3):
        metrics.answered(record("DetectFaces", 0.04))
    metrics.answered(record("SearchFaces", 0.5, "InternalServerError"))
    metrics.answered(record("SearchFaces", 0.5, "InvalidParameterException"))
    detect, search = metrics.figures().operations()
    assert (detect.operation, detect.answered, detect.failed) == ("DetectFaces", 3, 0)
    assert detect.mean == pytest.approx(0.04)
    assert 0.03 < detect.p50 < detect.p99 <= 0.05
    assert (search.operation, search.answered, search.failed) == ("SearchFaces", 2, 1)


def test_models_are_told_with_their_runs_and_mean() -> None:
    metrics = Metrics(version="1", face_model="sface", detector="centerface")
    metrics.model_ran("sface", 0.01)
    metrics.model_ran("sface", 0.03)
    (told,) = metrics.figures().models()
    assert (told.model, told.runs) == ("sface", 2)
    assert told.mean == pytest.approx(0.02)


def test_what_this_system_does_not_tell_is_none() -> None:
    metrics = Metrics(version="1", face_model="sface", detector="centerface")
    assert metrics.figures().whole("process_of_another_system") is None
    assert metrics.figures().whole("regard_requests_waiting") == 0


def test_a_quantile_is_linear_in_its_bucket_and_never_infinite() -> None:
    buckets = [(1.0, 2.0), (3.0, 6.0), (math.inf, 8.0)]
    assert quantile(buckets, 0.25) == 1.0
    assert quantile(buckets, 0.5) == 2.0
    assert quantile(buckets, 0.99) == 3.0
