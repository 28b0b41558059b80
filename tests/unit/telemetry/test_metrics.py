from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import prometheus_client
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from regard.domain.reporting import RequestRecord
from regard.errors import InternalServerError
from regard.telemetry.metrics import JobFigures, Metrics

DETECT = {"service": "rekognition", "operation": "DetectFaces"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(version="1.2.3", face_model="fr-feature", detector="centerface")


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample as a scraper reads it; None if it is missing."""
    content, _ = metrics.exposition("")
    samples = [sample for family in plain_text(content.decode()) for sample in family.samples]
    found = [sample.value for sample in samples if sample.name == name and sample.labels == labels]
    return found[0] if found else None


def test_requests_are_counted_by_service_operation_and_code(
    metrics: Metrics, record: Callable[..., RequestRecord]
) -> None:
    metrics.answered(record())
    metrics.answered(record())
    metrics.answered(record(code="ThrottlingException", status=400))
    metrics.answered(record(service="sts", operation="GetCallerIdentity"))
    assert value(metrics, "regard_requests_total", **DETECT, code="OK") == 2
    assert value(metrics, "regard_requests_total", **DETECT, code="ThrottlingException") == 1
    assert value(metrics, "regard_requests_total", service="sts", operation="GetCallerIdentity", code="OK") == 1
    assert value(metrics, "regard_received_bytes_total", **DETECT) == 3 * 145_201
    assert value(metrics, "regard_sent_bytes_total", **DETECT) == 3 * 2_301


def test_what_no_service_knows_is_counted_as_unknown(metrics: Metrics, record: Callable[..., RequestRecord]) -> None:
    metrics.answered(record(service="", operation="", code="UnknownOperationException", status=400))
    labels = {"service": "unknown", "operation": "unknown", "code": "UnknownOperationException"}
    assert value(metrics, "regard_requests_total", **labels) == 1


def test_times_fall_into_buckets(metrics: Metrics, record: Callable[..., RequestRecord]) -> None:
    for seconds in (0.0019, 0.04, 9, 11):
        metrics.answered(record(seconds=seconds, waited=seconds / 2))
    name = "regard_request_duration_seconds"
    counts = {
        limit: value(metrics, f"{name}_bucket", **DETECT, le=limit) for limit in ("0.002", "0.05", "10.0", "+Inf")
    }
    assert counts == {"0.002": 1, "0.05": 2, "10.0": 3, "+Inf": 4}
    assert value(metrics, f"{name}_sum", **DETECT) == pytest.approx(20.0419)
    assert value(metrics, "regard_request_wait_seconds_sum") == pytest.approx(20.0419 / 2)


def test_what_waits_and_runs_now_is_shown_while_it_does(metrics: Metrics) -> None:
    metrics.waiting(7)
    with metrics.performing("DetectFaces", "a"), metrics.performing("DetectFaces", "b"):
        assert value(metrics, "regard_requests_running", operation="DetectFaces") == 2
    assert value(metrics, "regard_requests_running", operation="DetectFaces") == 0
    assert value(metrics, "regard_requests_waiting") == 7
    metrics.waiting(0)
    assert value(metrics, "regard_requests_waiting") == 0


def test_faces_and_model_runs_are_counted(metrics: Metrics) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(metrics.faces_found, [3] * 1000))
        list(pool.map(lambda _: metrics.model_ran("fr-feature", 0.004), range(1000)))
    assert value(metrics, "regard_faces_detected_total") == 3000
    assert value(metrics, "regard_model_run_seconds_count", model="fr-feature") == 1000
    assert value(metrics, "regard_model_run_seconds_sum", model="fr-feature") == pytest.approx(4)


@dataclass
class Held:
    size: int = 0

    @property
    def memory(self) -> int:
        return 776 * self.size


def test_an_index_is_asked_when_the_metrics_are_read(metrics: Metrics) -> None:
    held = Held()
    metrics.show_index("faces", held)
    assert value(metrics, "regard_index_vectors", index="faces") == 0
    held.size = 3
    assert value(metrics, "regard_index_vectors", index="faces") == 3
    assert value(metrics, "regard_index_bytes", index="faces") == 3 * 776


def test_the_process_and_the_build_are_described(metrics: Metrics) -> None:
    labels = {"version": "1.2.3", "face_model": "fr-feature", "detector": "centerface"}
    assert value(metrics, "regard_build_info", **labels) == 1
    for name in ("resident_memory_bytes", "cpu_seconds_total", "open_fds", "start_time_seconds"):
        assert (value(metrics, f"process_{name}") or 0) > 0


def test_two_servers_in_one_process_count_apart_and_leave_the_common_registry_alone(
    metrics: Metrics, record: Callable[..., RequestRecord]
) -> None:
    other = Metrics(version="1.2.3", face_model="fr-feature", detector="centerface")
    other.answered(record())
    assert value(metrics, "regard_requests_total", **DETECT, code="OK") is None
    assert value(other, "regard_requests_total", **DETECT, code="OK") == 1
    assert b"regard_" not in prometheus_client.generate_latest()


def test_openmetrics_is_sent_to_clients_that_accept_it(metrics: Metrics, record: Callable[..., RequestRecord]) -> None:
    metrics.answered(record())
    content, content_type = metrics.exposition("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text")
    assert "regard_requests" in {family.name for family in openmetrics(content.decode())}
    assert metrics.exposition("*/*")[1].startswith("text/plain")


def test_jobs_are_asked_for_each_time_and_what_cannot_be_read_takes_no_other_figure_with_it(metrics: Metrics) -> None:
    figures = [JobFigures(states={"QUEUED": 2}, oldest_seconds=3.5, chunks_done=7, events_waiting=1)]
    asked: list[int] = []

    def look() -> JobFigures:
        asked.append(1)
        if not figures:
            raise InternalServerError("The database is gone.")
        return figures[0]

    metrics.show_jobs(look, ["QUEUED", "FAILED"])
    assert value(metrics, "regard_jobs", state="QUEUED") == 2
    assert value(metrics, "regard_jobs", state="FAILED") == 0
    assert value(metrics, "regard_jobs_oldest_waiting_seconds") == 3.5
    assert value(metrics, "regard_job_chunks_done") == 7
    assert value(metrics, "regard_job_events_waiting") == 1
    assert len(asked) == 5
    figures.clear()
    assert value(metrics, "regard_jobs", state="QUEUED") is None
    assert value(metrics, "regard_requests_waiting") == 0
