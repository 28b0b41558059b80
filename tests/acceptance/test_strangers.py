"""A real `regard serve` and crowds without a key: signed clients are served, health answers, the log stays short."""

from __future__ import annotations

import http.client
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from open_server import OpenServer, serve
from toy_door import answer, closed

#: The usual soft limit of descriptors, here the hard one too.
DESCRIPTORS = 1024
HEAD_SECONDS = 3
CALL = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: RekognitionService.ListCollections\r\n"
#: What a stranger sends, and then no more.
KINDS = {
    "nothing": b"",
    "a part of a head": b"POST / HTTP/1.1\r\nHos",
    "a head": CALL + b"Content-Length: 9\r\n\r\n",
    "a request": b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.fixture(scope="module")
def server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenServer]:
    home = tmp_path_factory.mktemp("strangers") / "home"
    with serve(
        home, models, descriptors=DESCRIPTORS, head_seconds=HEAD_SECONDS, idle_seconds=30, connections_per_address=4000
    ) as running:
        yield running


@pytest.fixture
def crowd(server: OpenServer) -> Iterator[ExitStack]:
    """Holds open connections, of which this process may have more than the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    with ExitStack() as opened:
        yield opened
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def knock(server: OpenServer, opened: ExitStack, sent: bytes = b"") -> socket.socket:
    client = opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
    client.sendall(sent)
    return client


def health(server: OpenServer, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers={"Host": "evil.example"})
    response = connection.getresponse()
    try:
        assert response.getheader("location") is None
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_health_and_signed_clients_are_served_though_strangers_want_every_descriptor(
    server: OpenServer, crowd: ExitStack, kind: str
) -> None:
    for _ in range(1200):
        knock(server, crowd, KINDS[kind])
    for _ in range(5):
        start = time.monotonic()
        assert health(server, "/health/live")[0] == 200
        assert health(server, "/health/ready") == (200, b'{"status":"ready"}')
        server.call()
        assert time.monotonic() - start < 5
    assert server.descriptors() < DESCRIPTORS - 64


@pytest.mark.slow
def test_a_head_a_byte_a_second_ends_soon(server: OpenServer, crowd: ExitStack) -> None:
    clients = [knock(server, crowd, b"POST / HTTP/1.1\r\nX: ") for _ in range(20)]
    for _ in range(HEAD_SECONDS + 1):
        for client in clients:
            try:
                client.sendall(b"a")
            except OSError:
                continue
        time.sleep(1)
    for client in clients:
        assert answer(client).startswith(b"HTTP/1.1 408 ")
        assert closed(client, 1)


def test_a_body_that_is_too_long_is_refused_and_not_read_for_ever(server: OpenServer, crowd: ExitStack) -> None:
    client = knock(server, crowd, CALL + b"Content-Length: 99999999999\r\n\r\n")
    sent = 0
    try:
        while sent < 200:
            client.sendall(bytes(1024 * 1024))
            sent += 1
    except OSError:
        pass
    assert 0 < sent < 100


@pytest.mark.parametrize("path", ["/health/live/", "/health/ready/", "/metrics/", "//evil.example", "/nothing"])
def test_no_path_sends_a_client_elsewhere(server: OpenServer, path: str) -> None:
    assert health(server, path)[0] == 404


def test_http_2_is_refused_in_words(server: OpenServer, crowd: ExitStack) -> None:
    client = knock(server, crowd, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert answer(client).startswith(b"HTTP/1.1 505 HTTP Version Not Supported\r\n")
    assert closed(client, 1)


def test_the_log_has_a_line_a_minute_for_each_fault_and_says_how_few_descriptors_there_are(
    server: OpenServer, crowd: ExitStack
) -> None:
    for _ in range(100):
        answer(knock(server, crowd, b"no HTTP\r\n\r\n"))
    lines = server.log.read_text().splitlines()
    assert sum("only 1024 files and connections open" in line for line in lines) == 1
    faults = [line for line in lines if "regard.requests" not in line]
    assert 1 <= sum("Invalid HTTP request" in line for line in faults) <= 3
    assert len(faults) < 20
    assert "Traceback" not in server.log.read_text()
