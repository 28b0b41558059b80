"""Strangers at the endpoint, some of whom know an access key's id and not its secret: what they can hold, and what
those who are known notice of it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from regard.domain.callers import Credential, Principal
from regard.domain.results import Result
from regard.edge.arrivals import Arrivals
from regard.edge.request_pipeline import RequestPipeline
from regard.edge.turns import Lane, Turns
from regard.wire.schema import Schema

from . import loopback
from .conftest import Serve
from .loopback import JSON, SECRET, TOYS, Server, sign, signed_head
from .test_endpoint_limits import until

MEGABYTE = 1_000_000


@contextmanager
def silent(server: Server, count: int, length: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    """Connections that declare a body and send only the beginning of it, with a signature that is not theirs."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            connection.sendall(signed_head(server, length, "DetectFaces") + sent)
            found.append(connection)
        yield found


def narrow(**arrivals: float) -> dict[str, Any]:
    return {"turns": Turns(dict.fromkeys(Lane, 1), places=2), "arrivals": Arrivals(**arrivals)}


def detect(server: Server, size: int = 1000) -> int:
    return int(server.client().detect_faces(Image={"Bytes": bytes(size)})["FaceDetails"][0]["BoundingBox"]["Width"])


@pytest.mark.parametrize(("count", "length"), [(20, 16 * 1024 * 1024), (140, 1)])
def test_bodies_that_never_come_take_no_place_from_those_who_are_known(serve: Serve, count: int, length: int) -> None:
    server = serve(TOYS, **narrow(most_bytes=10 * MEGABYTE))
    with silent(server, count, length):
        for _ in range(5):
            assert detect(server, MEGABYTE) == MEGABYTE


def test_bodies_that_come_nearly_whole_and_stop_give_way(serve: Serve) -> None:
    server = serve(TOYS, **narrow(most_bytes=10 * MEGABYTE))
    with silent(server, 12, 2 * MEGABYTE, b" " * (2 * MEGABYTE - 1)) as held:
        time.sleep(0.3)
        for _ in range(3):
            assert detect(server, MEGABYTE) == MEGABYTE
        turned_away = http.client.HTTPResponse(held[0])
        turned_away.begin()
        assert json.loads(turned_away.read())["Code"] == "ThrottlingException"


def test_who_sends_the_wrong_signature_again_and_again_holds_up_nobody(serve: Serve) -> None:
    server = serve(TOYS, **narrow(most_bytes=50 * MEGABYTE))
    body = b" " * MEGABYTE
    headers = sign(
        server.url, b"another body", {"X-Amz-Target": "RekognitionService.DetectFaces", "Content-Type": JSON}
    )
    headers["Content-Length"] = str(len(body))
    over = threading.Event()

    def attack() -> None:
        while not over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request("POST", "/", body, headers)
            assert json.loads(connection.getresponse().read())["Code"] == "InvalidSignatureException"
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        attackers = [pool.submit(attack) for _ in range(4)]
        try:
            for _ in range(10):
                assert detect(server) == 1000
        finally:
            over.set()
        for attacker in attackers:
            attacker.result()


class Everybody:
    """Every key is known, and has the same secret."""

    def lookup(self, access_key_id: str, session_token: str | None) -> Credential | None:
        return Credential(secret=SECRET, principal=Principal(access_key_id=access_key_id, name=access_key_id))

    recall = lookup


class Pictures:
    """DetectFaces takes as long as it is told to; it notes for whom it worked."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.worked: list[str] = []

    def __call__(self, principal: Principal, given: Mapping[str, Any], request_id: str) -> Result:
        self.worked.append(principal.name)
        time.sleep(self.seconds)
        return Result(members={"FaceDetails": []})


@contextmanager
def crowded(server: Server, clients: int) -> Iterator[None]:
    """One key asks for faces with so many connections, again and again."""
    over = threading.Event()

    def ask() -> None:
        client = server.client(attempts=10)
        while not over.is_set():
            client.detect_faces(Image={"Bytes": b"1"})

    with ThreadPoolExecutor(clients) as pool:
        asking = [pool.submit(ask) for _ in range(clients)]
        try:
            yield
        finally:
            over.set()
        for each in asking:
            each.result()


@pytest.mark.slow
def test_a_key_that_asks_for_much_makes_only_itself_wait(schema: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "Keys", Everybody)
    pictures = Pictures(0.05)
    pipeline = RequestPipeline(turns=Turns(dict.fromkeys(Lane, 2), places=64))
    service = loopback.speaking(schema, TOYS | {"DetectFaces": pictures})
    with loopback.running(service, pipeline=pipeline) as server:
        other = server.client(key="AKIDLIGHT")
        with crowded(server, 30):
            until(lambda: pipeline.turns.waiting > 20)
            waits, listings = [], []
            for _ in range(5):
                start = time.monotonic()
                other.detect_faces(Image={"Bytes": b"1"})
                waits.append(time.monotonic() - start)
                start = time.monotonic()
                other.list_collections()
                listings.append(time.monotonic() - start)
    # Alone 0.05 s; behind those of the other key it would be 0.75.
    assert sorted(waits)[2] < 0.3
    assert sorted(listings)[2] < 0.2


@pytest.mark.slow
def test_a_key_that_fills_the_queue_is_the_one_that_is_turned_away(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback, "Keys", Everybody)
    pipeline = RequestPipeline(turns=Turns(dict.fromkeys(Lane, 1), places=4))
    with loopback.running(
        loopback.speaking(schema, TOYS | {"DetectFaces": Pictures(0.02)}), pipeline=pipeline
    ) as server:
        other = server.client(key="AKIDLIGHT")
        with crowded(server, 12):
            until(lambda: pipeline.turns.waiting == 4)
            for _ in range(10):
                other.detect_faces(Image={"Bytes": b"1"})  # without a retry


def test_nothing_is_worked_on_for_clients_who_have_left(serve: Serve) -> None:
    pictures = Pictures(0.3)
    server = serve({"DetectFaces": pictures}, turns=Turns(dict.fromkeys(Lane, 1)))
    body = json.dumps({"Image": {"Bytes": "MQ=="}}).encode()
    headers = sign(server.url, body, {"X-Amz-Target": "RekognitionService.DetectFaces", "Content-Type": JSON})
    waiting = []
    for _ in range(20):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("POST", "/", body, headers)
        waiting.append(connection)
    until(lambda: pictures.worked)
    for connection in waiting:
        connection.close()
    server.client().detect_faces(Image={"Bytes": b"1"})
    assert len(pictures.worked) <= 4  # the one that ran, those that began while the others were leaving, the last
