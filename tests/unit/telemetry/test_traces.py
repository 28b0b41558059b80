"""Spans as a collector receives them."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from otlp_receiver import Received, attributes, receiver

from regard.domain.reporting import RequestRecord
from regard.errors import SettingsError
from regard.telemetry import traces
from regard.telemetry.traces import Traces


def send(work: Callable[[Traces], None], path: str = "") -> Received:
    """What a collector has received when the traces of `work` are closed."""
    with receiver() as received:
        sending = traces.to_collector(received.url + path, "1.2.3")
        try:
            work(sending)
        finally:
            sending.close()
    return received


def test_a_request_is_a_span_and_its_model_runs_are_below_it(record: Callable[..., RequestRecord]) -> None:
    def work(sending: Traces) -> None:
        with sending.performing("DetectFaces", "r-1"):
            time.sleep(0.02)
            sending.model_ran("centerface", 0.015)
            sending.model_ran("fr-pose", 0.001)
        sending.answered(record(request_id="r-1", waited=0.25))

    received = send(work)
    spans = {span.name: span for span in received.spans}
    assert set(spans) == {"DetectFaces", "centerface", "fr-pose"}
    request, run = spans["DetectFaces"], spans["centerface"]
    assert request.kind == Span.SpanKind.SPAN_KIND_SERVER
    assert request.parent_span_id == b""
    for child in (run, spans["fr-pose"]):
        assert (child.parent_span_id, child.trace_id) == (request.span_id, request.trace_id)
        assert request.start_time_unix_nano < child.start_time_unix_nano < child.end_time_unix_nano
        assert child.end_time_unix_nano < request.end_time_unix_nano
    assert (run.end_time_unix_nano - run.start_time_unix_nano) / 1e9 == pytest.approx(0.015, abs=0.005)
    assert attributes(request) == {
        "rpc.system": "aws-api",
        "rpc.service": "rekognition",
        "rpc.method": "DetectFaces",
        "aws.request_id": "r-1",
        "http.response.status_code": 200,
        "regard.waited_seconds": 0.25,
    }
    assert (received.resource["service.name"], received.resource["service.version"]) == ("regard", "1.2.3")
    assert abs(request.end_time_unix_nano - time.time_ns()) < 30e9


def test_errors_carry_their_code_and_only_the_servers_own_faults_a_status(record: Callable[..., RequestRecord]) -> None:
    def work(sending: Traces) -> None:
        with pytest.raises(KeyError), sending.performing("DetectFaces", "r-1"):
            raise KeyError("the collection 'suspects'")
        sending.answered(record(request_id="r-1", status=500, code="InternalServerError"))
        sending.answered(record(request_id="r-2", status=400, code="AccessDeniedException", seconds=3, operation=""))

    received = send(work)
    fault, refusal = received.spans
    assert fault.status.code == Status.StatusCode.STATUS_CODE_ERROR
    assert attributes(fault)["error.type"] == "InternalServerError"
    assert refusal.status.code == Status.StatusCode.STATUS_CODE_UNSET
    assert attributes(refusal)["error.type"] == "AccessDeniedException"
    assert (refusal.name, refusal.parent_span_id) == ("unknown", b"")
    assert (refusal.end_time_unix_nano - refusal.start_time_unix_nano) / 1e9 == pytest.approx(3, abs=0.2)
    assert fault.events == refusal.events == []


def test_nothing_of_the_caller_is_sent(record: Callable[..., RequestRecord]) -> None:
    def work(sending: Traces) -> None:
        with pytest.raises(ValueError, match="suspects"), sending.performing("DetectFaces", "r-1"):
            raise ValueError("no collection 'suspects'")
        sending.answered(record(request_id="r-1"))

    (body,) = send(work).bodies
    for word in (b"AKREGARD1", b"front desk", b"suspects"):
        assert word not in body
    assert b"DetectFaces" in body


def test_requests_at_the_same_time_keep_their_runs_apart(record: Callable[..., RequestRecord]) -> None:
    meet = threading.Barrier(2, timeout=10)

    def work(sending: Traces) -> None:
        def request(name: str) -> None:
            with sending.performing(name, name):
                meet.wait()
                sending.model_ran(f"model of {name}", 0.001)
                meet.wait()
            sending.answered(record(request_id=name, operation=name))

        both = [threading.Thread(target=request, args=(name,)) for name in ("a", "b")]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()

    spans = {span.name: span for span in send(work).spans}
    for name in ("a", "b"):
        assert spans[f"model of {name}"].parent_span_id == spans[name].span_id


def test_a_run_outside_a_request_is_no_span() -> None:
    assert send(lambda sending: sending.model_ran("fr-feature", 0.1)).bodies == []


@pytest.mark.parametrize("path", ["", "/", "/v1/traces"])
def test_a_collectors_address_is_enough(record: Callable[..., RequestRecord], path: str) -> None:
    assert send(lambda sending: sending.answered(record()), path).paths == ["/v1/traces"]


def test_a_path_before_it_is_kept(record: Callable[..., RequestRecord]) -> None:
    assert send(lambda sending: sending.answered(record()), "/otel/").paths == ["/otel/v1/traces"]


@pytest.mark.slow
def test_a_collector_that_is_away_does_not_hold_up_the_end(
    record: Callable[..., RequestRecord], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        sending = traces.to_collector(f"http://127.0.0.1:{closed.getsockname()[1]}", "1.2.3")
        sending.answered(record())
        began = time.monotonic()
        sending.close()
    assert time.monotonic() - began < 8
    assert "export" in caplog.text.lower()


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://", ""])
def test_what_is_not_an_address_is_refused_in_words(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="must be an address like http"):
        traces.to_collector(endpoint, "1.2.3")


#: A stranger to OpenTelemetry: whatever imports it fails, as where the extra is not installed.
WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
from pathlib import Path
from regard.bootstrap.engine import open_engine
from regard.config.settings import load_settings
from regard.errors import SettingsError
home = Path(sys.argv[1])
with open_engine(load_settings({}, home=home)):
    pass
try:
    with open_engine(load_settings({}, home=home, telemetry={"otlp_endpoint": "http://127.0.0.1:4318"})):
        pass
except SettingsError as error:
    sys.exit(error.message)
"""


@pytest.mark.slow
def test_without_the_extra_all_works_and_only_asking_for_traces_is_an_error(tmp_path: object) -> None:
    command = [sys.executable, "-c", WITHOUT, str(tmp_path)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert finished.stderr.strip().endswith("OpenTelemetry is not installed: pip install 'regard[otel]'")
    assert "Traceback" not in finished.stderr
