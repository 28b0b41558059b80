"""What an operator sees of real calls: numbers, lines and spans, and nothing of the people in the pictures."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from live_server import Live
from open_server import OpenServer, started
from otlp_receiver import attributes, receiver
from people import crowd, encoded, nobody
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

Refused = Callable[..., tuple[str, str]]
Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]

# -- metrics ---------------------------------------------------------------------------------------------------------


def scrape(live: Live, accept: str = "*/*") -> tuple[str, str]:
    """The page and its content type, as anybody gets it."""
    with closing(http.client.HTTPConnection("127.0.0.1", live.port, timeout=10)) as connection:
        connection.request("GET", "/metrics", headers={"Accept": accept})
        response = connection.getresponse()
        assert response.status == 200
        return response.read().decode(), response.headers["Content-Type"]


def numbers(live: Live) -> Numbers:
    families = plain_text(scrape(live)[0])
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


class Growth:
    """By how much a server's numbers grow in a block."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def __enter__(self) -> Growth:
        self._before = numbers(self._live)
        return self

    def __exit__(self, *_: object) -> None:
        self._after = numbers(self._live)

    def of(self, name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return self._after.get(key, 0) - self._before.get(key, 0)

    def new(self, name: str) -> dict[str, float]:
        """Every operation and code that grew, of one counter."""
        grown = {key: value - self._before.get(key, 0) for key, value in self._after.items() if key[0] == name}
        labels = {key: dict(key[1]) for key in grown}
        return {f"{labels[k]['operation']} {labels[k]['code']}": value for k, value in grown.items() if value}


def test_a_call_is_counted_with_its_faces_its_models_its_bytes_and_its_time(live: Live, client: Any) -> None:
    picture, by = encoded(crowd(2, 3, 100)), {"service": "rekognition", "operation": "DetectFaces"}
    with Growth(live) as growth:
        for _ in range(2):
            answer = client.detect_faces(Image={"Bytes": picture})
        client.detect_faces(Image={"Bytes": encoded(nobody())})
    assert growth.new("regard_requests_total") == {"DetectFaces OK": 3}
    assert growth.of("regard_faces_detected_total") == 2 * len(answer["FaceDetails"]) == 12
    runs = {name: growth.of("regard_model_run_seconds_count", model=name) for name in ("fr-pose", "sface")}
    assert runs == {"fr-pose": 2, "sface": 0}
    assert growth.of("regard_model_run_seconds_count", model="centerface") >= 3
    time = growth.of("regard_request_duration_seconds_sum", **by)
    models = [growth.of("regard_model_run_seconds_sum", model=name) for name in ("fr-pose", "centerface")]
    assert 0 < sum(models) < time < 60
    assert growth.of("regard_request_duration_seconds_bucket", **by, le="+Inf") == 3
    assert 0 <= growth.of("regard_request_wait_seconds_sum") < time
    assert growth.of("regard_received_bytes_total", **by) > 2 * 4 / 3 * len(picture)
    assert growth.of("regard_sent_bytes_total", **by) > 2 * int(
        answer["ResponseMetadata"]["HTTPHeaders"]["content-length"]
    )


def test_the_index_is_shown_with_what_it_holds_and_takes(live: Live, client: Any) -> None:
    client.create_collection(CollectionId="shown")
    with Growth(live) as growth:
        records = client.index_faces(CollectionId="shown", Image={"Bytes": encoded(crowd(2, 3, 100))})["FaceRecords"]
    assert growth.of("regard_index_vectors", index="faces") == len(records) == 6
    assert growth.of("regard_index_bytes", index="faces") > 0
    with Growth(live) as growth:
        client.delete_collection(CollectionId="shown")
    assert growth.of("regard_index_vectors", index="faces") == -6


def test_nothing_runs_or_waits_when_all_is_answered(live: Live, client: Any) -> None:
    client.list_collections()
    after = numbers(live)
    assert after["regard_requests_waiting", frozenset()] == 0
    running = [value for (name, _), value in after.items() if name == "regard_requests_running"]
    assert running
    assert not any(running)


def test_errors_are_counted_by_their_code(live: Live, client: Any, refused: Refused) -> None:
    stranger = live.client(aws_access_key_id="AKSTRANGER")
    forger = live.client(aws_secret_access_key="wrong")
    with Growth(live) as growth:
        refused(client.describe_collection, CollectionId="nowhere")
        refused(client.detect_faces, Image={"Bytes": b"no picture"})
        refused(client.detect_faces, Image={"Bytes": b"no picture"})
        refused(stranger.list_collections)
        refused(forger.list_collections)
        with suppress(ClientError):
            client.get_celebrity_info(Id="1")
    grown = growth.new("regard_requests_total")
    assert {name: count for name, count in grown.items() if "Celebrity" not in name} == {
        "DescribeCollection ResourceNotFoundException": 1,
        "DetectFaces InvalidImageFormatException": 2,
        "ListCollections UnrecognizedClientException": 1,
        "ListCollections InvalidSignatureException": 1,
    }
    assert [name.split()[0] for name in grown if "Celebrity" in name] == ["GetCelebrityInfo"]


def test_whatever_strangers_ask_for_no_label_is_theirs(live: Live, client: Any, refused: Refused) -> None:
    with Growth(live) as growth, closing(http.client.HTTPConnection("127.0.0.1", live.port, timeout=10)) as connection:
        for target in ("RekognitionService.Invented", "Invented", "RekognitionService.", "x" * 3000):
            connection.request(
                "POST", "/", b"{}", {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
            )
            connection.getresponse().read()
    assert growth.new("regard_requests_total") == {"unknown UnknownOperationException": 4}
    refused(client.describe_collection, CollectionId="suspects-of-invention")
    page, _ = scrape(live)
    for word in ("Invented", "xxx", "suspects", "tester", live.key):
        assert word not in page
    wanted = {"service", "operation", "code", "model", "index", "le", "version", "face_model", "detector", "state"}
    assert set(re.findall(r'[{,](\w+)="', page)) <= wanted


def test_openmetrics_is_answered_to_who_prefers_it(live: Live, client: Any) -> None:
    client.list_collections()
    page, content_type = scrape(live, "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in openmetrics(page)}
    assert {"regard_requests", "regard_build", "process_resident_memory_bytes"} <= set(families)
    (build,) = families["regard_build"].samples
    assert build.labels["face_model"] == "sface"
    assert scrape(live)[1].startswith("text/plain")


def test_every_metric_is_documented(live: Live, client: Any) -> None:
    text = (Path(__file__).parents[2] / "docs/guides/monitoring.md").read_text()
    ours = {family.name for family in openmetrics(scrape(live, "application/openmetrics-text")[0])}
    shown = set(re.findall(r"^\| `(regard_\w+)`", text, re.MULTILINE))
    assert {name.removesuffix("_total").removesuffix("_info") for name in shown} == {
        name for name in ours if name.startswith("regard_")
    }


# -- logs and traces, of a process of its own ------------------------------------------------------------------------


def send(server: OpenServer, head: bytes) -> None:
    """Bytes as no client would send them; the answer is waited for."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head)
        connection.recv(65536)


def end(server: OpenServer) -> list[str]:
    """Stop it as a supervisor does, and read its log."""
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    return server.log.read_text().splitlines()


#: Headers that would end a line, or pass for one, were they written into a log as they are.
WICKED = (
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n"
    b"X-Amz-Target: RekognitionService.DetectFaces\r\n"
    b'Authorization: AWS4-HMAC-SHA256 Credential=AK\x85forged\t{"level": "ERROR"}/20260101/us-east-1/rekognition/'
    b"aws4_request, SignedHeaders=host, Signature=00\r\n\r\n",
    b"POST /?forged=%0a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n"
    b"X-Amz-Target: RekognitionService.Detect\xe2\x80\xa8forged\x85\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: Rekog\x1b[2Kforged\n forged: forged\r\n\r\n",
)


@pytest.mark.slow
def test_the_log_and_the_traces_of_a_server_tell_what_happened_and_to_nobody_whom(
    tmp_path: Path, models: Path, portrait: bytes
) -> None:
    with (
        receiver() as received,
        started(
            tmp_path / "home",
            models,
            settings={"REGARD_TELEMETRY_LOG_FORMAT": "json", "REGARD_TELEMETRY_OTLP_ENDPOINT": received.url},
        ) as server,
    ):
        with closing(server.client()) as client:
            client.create_collection(CollectionId="witnesses")
            indexed = client.index_faces(
                CollectionId="witnesses", Image={"Bytes": portrait}, ExternalImageId="eileen-c"
            )
            with pytest.raises(ClientError) as refusal:
                client.search_faces(CollectionId="witnesses", FaceId="f" * 300)
        for head in WICKED:
            send(server, head)
        lines = end(server)
    secrets = ["witnesses", "eileen-c", "forged", server.secret, indexed["FaceRecords"][0]["Face"]["FaceId"], "fffff"]
    check_log(lines, server.key, indexed["ResponseMetadata"]["RequestId"])
    check_spans(received.spans, indexed["ResponseMetadata"]["RequestId"])
    sent = b"".join(received.bodies)
    for secret in secrets:
        assert secret not in "\n".join(lines)
        assert secret.encode() not in sent
    assert server.key.encode() not in sent
    assert refusal.value.response["Error"]["Code"] == "ValidationException"
    assert received.resource["service.name"] == "regard"


def check_log(lines: list[str], key: str, request_id: str) -> None:
    said = [json.loads(line) for line in lines]
    requests = [line for line in said if line["logger"] == "regard.requests"]
    named = [(line["operation"], line["code"]) for line in requests]
    assert named[:3] == [
        ("CreateCollection", "OK"),
        ("IndexFaces", "OK"),
        ("SearchFaces", "ValidationException"),
    ]
    assert named[3][0] == "DetectFaces"
    assert named[4] == ("unknown", "UnknownOperationException")
    index = requests[1]
    assert (index["request_id"], index["access_key_id"], index["status"]) == (request_id, key, 200)
    assert index["ms"] > 1
    assert index["received"] > index["sent"] > 100
    assert not [line for line in requests[3:] if "access_key_id" in line]
    assert {line["level"] for line in requests} == {"INFO"}
    # Whatever else is there comes from the HTTP server, of what was no HTTP.
    assert {line["logger"] for line in said} <= {"regard.requests", "uvicorn.error"}


def check_spans(spans: list[Any], request_id: str) -> None:
    (index,) = (span for span in spans if span.name == "IndexFaces")
    assert attributes(index)["aws.request_id"] == request_id
    below = {span.name for span in spans if span.parent_span_id == index.span_id}
    assert {"centerface", "fr-pose", "sface"} <= below
    (search,) = (span for span in spans if span.name == "SearchFaces")
    assert attributes(search)["error.type"] == "ValidationException"
    # Models that run while the server starts belong to no request.
    roots = {span.name for span in spans if not span.parent_span_id}
    assert roots == {"CreateCollection", "IndexFaces", "SearchFaces", "DetectFaces", "unknown"}
