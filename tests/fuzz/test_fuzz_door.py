"""The HTTP door under bytes that no client would send: mutated, cut, in pieces, in a row; a few, or thousands."""

from __future__ import annotations

import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from open_server import OpenServer, serve
from rich.console import Console

from .conftest import Plan

CALL = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: RekognitionService.ListCollections\r\n"
SEEDS = (
    b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.0\r\n\r\n",
    b"HEAD /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"PUT /nothing?a=%41&b=\xff HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
    CALL + b"Content-Length: 2\r\n\r\n{}",
    CALL + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
    CALL + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;a=b\r\n}\r\n0\r\nTrailer: x\r\n\r\n",
    CALL + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 2000 + b"0\r\n\r\n",
    CALL + b"Content-Length: 99999999999\r\n\r\n" + b"a" * 5000,
    b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)
PARTS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b"\x7f",
    b"\xff\xfe",
    b"0\r\n\r\n",
    b"-1\r\n",
    b"ffffffffffffffffffff\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 18446744073709551616\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive, upgrade\r\n",
    b"Expect: 100-continue\r\n",
    b"Authorization: AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=;, Signature=\r\n",
    b"X-Long: " + b"a" * 9000 + b"\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
)
#: Deliveries in the ordinary tier.
FEW = 200
#: What the server may say to a stranger. Nothing is its own fault, and nobody has told it to end.
STATUSES = {100, 200, 400, 403, 404, 405, 408, 413, 431, 501, 505}


def mutated(random: Random) -> bytes:
    """One to three seeds in a row, each changed a few times or not at all."""
    pieces = []
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        data = random.choice(SEEDS)
        for _ in range(random.choice([0, 1, 1, 2, 4])):
            data = random.choice(CHANGES)(random, data)
        pieces.append(data)
    return b"".join(pieces)[:200_000]


def _cut(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _flip(random: Random, data: bytes) -> bytes:
    place = random.randrange(len(data) + 1)
    return data[:place] + random.randbytes(1) + data[place + 1 :]


def _insert(random: Random, data: bytes) -> bytes:
    place = random.choice([0, len(data), data.find(b"\r\n") + 2, random.randrange(len(data) + 1)])
    return data[:place] + random.choice([*PARTS, random.randbytes(random.randrange(40))]) + data[place:]


def _repeat(random: Random, data: bytes) -> bytes:
    start, end = sorted(random.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:end] * random.choice([1, 2, 50]) + data[end:]


def _remove(random: Random, data: bytes) -> bytes:
    start, end = sorted(random.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[end:]


def _respell(random: Random, data: bytes) -> bytes:
    return data.replace(*random.choice([(b"\r\n", b"\n"), (b"\r\n", b"\r"), (b": ", b" : "), (b"1.1", b"1.9")]), 1)


CHANGES: tuple[Callable[[Random, bytes], bytes], ...] = (_cut, _flip, _insert, _repeat, _remove, _respell)


def deliver(random: Random, port: int, data: bytes) -> bytes:
    """Send the bytes in one way or another, and leave in one way or another; what the server said."""
    got = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        size = random.choice([len(data), len(data), 1, 7, 1000]) or 1
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, min(len(data), 300 * size), size):
            client.sendall(data[start : start + size])
        leave = random.choice(["wait", "wait", "wait", "half", "close", "reset"])
        if leave == "half":
            client.shutdown(socket.SHUT_WR)
        if leave == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if leave in ("wait", "half"):
            client.settimeout(0.1)
            while more := client.recv(65536):
                got += more
    return got


@pytest.mark.slow
def test_no_bytes_make_the_door_fail(
    models: Path, tmp_path: Path, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    random, tally = Random(plan.seed), Counter[int]()  # noqa: S311 - a seed is the point
    with serve(tmp_path / "home", models, head_seconds=2, connections_per_address=4096) as server:
        server.call()
        before = server.descriptors()
        for number in range(plan.requests if plan.told else FEW):
            data = mutated(random)
            got = deliver(random, server.port, data)
            said = {int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3}) ", got, re.MULTILINE)}
            assert said <= STATUSES, (number, said - STATUSES, data[:500])
            assert not got or got.startswith(b"HTTP/1.1 "), (number, got[:200], data[:500])
            tally.update(said or {0})
        assert server.call() == []
        assert _settled(server, before), "descriptors are left open"
        log = server.log.read_text()
    assert "Traceback" not in log
    assert "status=5" not in log
    assert len(tally) > 5, tally
    if plan.told:
        with capsys.disabled():
            Console().print(f"\nseed {plan.seed}: {plan.requests} deliveries at the door, answered {dict(tally)}")


def _settled(server: OpenServer, before: int) -> bool:
    """Whether the server has soon closed what strangers opened."""
    end = time.monotonic() + 20
    while server.descriptors() > before + 2:
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
