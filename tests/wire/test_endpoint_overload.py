"""A crowd at a server of its own process: who is served, who is turned away, and what that costs."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .loopback import JSON, Server, sign

CROWD, RUNNING, WAITING = 200, 2, 8
INSIDE = RUNNING + WAITING

#: A server of its own process, whose only operation answers once a line comes in; the next line ends it.
SLOW_SERVER = f"""
import sys, threading
from regard.domain.results import Result
from regard.edge.arrivals import Arrivals
from regard.edge.turns import Lane, Turns
from regard.wire.schema import load
from wire.loopback import running, speaking

released = threading.Event()

def slow(principal, given, request_id):
    released.wait()
    return Result(members={{"FaceDetails": []}})

turns = Turns(dict.fromkeys(Lane, {RUNNING} + 1), places={WAITING}, most_bytes=10**9)
with running(speaking(load(), {{"DetectFaces": slow}}), turns=turns, arrivals=Arrivals(10**8)) as server:
    print(server.port, flush=True)
    sys.stdin.readline()
    released.set()
    sys.stdin.readline()
"""


@dataclass
class Slow:
    """The running server, and a signed request of a picture of 4 MB, which may be sent again and again."""

    server: Server
    process: subprocess.Popen[str]
    body: bytes
    headers: dict[str, str]

    def ask(self) -> tuple[int, str]:
        """Status and error code of one request, on a connection of its own."""
        response = self.server.send(self.body, self.headers)
        return response.status, json.loads(response.read()).get("Code", "")

    def line(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def memory(self, row: str) -> float:
        """MB of the process: VmRSS now, VmHWM at its most."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition(f"{row}:")[2].split()[0]) / 1000


@pytest.fixture
def slow() -> Iterator[Slow]:
    command = [sys.executable, "-c", SLOW_SERVER]
    tests = Path(__file__).parents[1]
    place = {**os.environ, "PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}"}
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=place) as process,
        Server().clients as clients,
    ):
        assert process.stdout is not None
        server = Server(port=int(process.stdout.readline()), clients=clients)
        body = json.dumps({"Image": {"Bytes": base64.b64encode(os.urandom(4_000_000)).decode()}}).encode()
        target = {"X-Amz-Target": "RekognitionService.DetectFaces", "Content-Type": JSON}
        try:
            yield Slow(server, process, body, sign(server.url, body, target))
        finally:
            process.kill()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.slow
def test_of_two_hundred_at_once_ten_are_served_and_the_others_told_so_at_once_and_cost_little(slow: Slow) -> None:
    before = slow.memory("VmRSS")
    with ThreadPoolExecutor(CROWD) as pool:
        asked = [pool.submit(slow.ask) for _ in range(CROWD)]
        turned_away = answered(asked, CROWD - INSIDE)
        assert [request.result() for request in turned_away] == [(400, "ThrottlingException")] * (CROWD - INSIDE)
        # All together are 1,070 MB. What is on its way may have 100, what is inside has 53, and each connection has
        # some in its buffers.
        assert slow.memory("VmHWM") - before < 500
        start = time.monotonic()
        assert slow.ask() == (400, "ThrottlingException")
        assert time.monotonic() - start < 3  # some ten milliseconds on a quiet machine
        slow.line()
        inside = [request for request in asked if request not in turned_away]
        assert [request.result(timeout=60) for request in inside] == [(200, "")] * INSIDE
    assert slow.ask() == (200, "")


def answered(asked: list[Future[Any]], count: int) -> set[Future[Any]]:
    """The first `count` requests that have their answer."""
    done: set[Future[Any]] = set()
    until = time.monotonic() + 60
    while len(done) < count:
        assert time.monotonic() < until, f"{len(done)} of {count} were answered"
        done = wait(asked, timeout=0.05, return_when=FIRST_COMPLETED).done
        time.sleep(0.01)
    return done


def test_boto3_sees_the_modelled_exception_and_its_retries_get_in_later(slow: Slow) -> None:
    image = {"Bytes": bytes(1_000_000)}
    with ThreadPoolExecutor(INSIDE + 2) as pool:
        asked = [pool.submit(slow.ask) for _ in range(INSIDE + 1)]
        answered(asked, 1)
        impatient = slow.server.client()
        with pytest.raises(impatient.exceptions.ThrottlingException, match="Slow down; as many requests are waiting"):
            impatient.detect_faces(Image=image)
        patient = slow.server.client(attempts=10)
        refused = threading.Event()
        patient.meta.events.register("response-received.rekognition", lambda **_: refused.set())
        later = pool.submit(patient.detect_faces, Image=image)
        assert refused.wait(10)
        slow.line()
        response = later.result(timeout=30)
        assert sorted(request.result(timeout=60)[0] for request in asked) == [200] * INSIDE + [400]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert response["ResponseMetadata"]["RetryAttempts"] > 0
