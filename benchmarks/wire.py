"""An operation's time outside its handler, stage by stage, for an image of 1 MB: `make bench-wire`.

The whole application is driven in this process, from a request's head to the last byte of its answer, with its access
keys, queue, rates and metrics; only DetectFaces itself is replaced by an answer made beforehand. The body comes in the
pieces in which an HTTP server reads it. The bare cost of the same bytes, a SHA-256 of the body, `json.loads` and the
decoding of the base64, is timed in turn with every request. The same requests then go over a loopback socket, where
both sides' HTTP is in the time.

"The rest" is putting the pieces together, routing, the way to a thread and back, and telling the metrics. "CPU" is what
the processors did, which does not wait for its turn on a busy machine.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import http.client
import json
import socket
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pybase64
import uvicorn
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from rich.console import Console
from rich.table import Table
from starlette.types import ASGIApp, Message

from regard.bootstrap.engine import Engine, open_engine
from regard.bootstrap.http import server as application_of
from regard.config.settings import load_settings
from regard.domain.faces import Faces
from regard.domain.results import Result
from regard.operations.face_shapes import face_detail
from regard.operations.faces import FaceOperations
from regard.wire import endpoint, json_body, serialize, sigv4

MEGABYTE = 1_000_000
BAR = 3.0
#: What uvicorn reads from a socket at once.
PIECE = 64 * 1024
#: Rates that are looked up and counted, and never reached.
FREE = "[default]\nrate = 1_000_000\n"

#: Each stage is one function, timed where it is looked up. Decoding base64 is a part of validation.
STAGES: dict[str, tuple[Any, str]] = {
    "signature": (sigv4, "verify"),
    "JSON": (json_body, "parse"),
    "validation": (endpoint, "validate"),
    "of it base64": (pybase64, "b64decode"),
    "serialise": (serialize, "encode_result"),
}

DECODE = pybase64.b64decode

console = Console(width=140)


@dataclass
class Stopwatch:
    """The milliseconds that every stage of the request under way took."""

    spent: Counter[str] = field(default_factory=Counter)

    def timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*arguments, **options)
            finally:
                self.spent[name] += 1e3 * (time.perf_counter() - start)

        return run

    def install(self) -> None:
        for name, (module, function) in STAGES.items():
            setattr(module, function, self.timed(name, getattr(module, function)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    count = parser.parse_args().requests
    watch = Stopwatch()
    watch.install()
    body = request_body()
    inside = Table(title=f"{len(body):,} bytes, medians of {count}, milliseconds; the bar is {BAR:.0f}")
    outside = Table(title=f"The same over a loopback socket, HTTP on both sides included, {count} requests")
    columns = ("read", *STAGES, "the rest", "total", "p99", "CPU", "bare", "total / bare")
    for table, names in ((inside, columns), (outside, ("p50 ms", "p99 ms"))):
        table.add_column("answer")
        for name in names:
            table.add_column(name, justify="right")
    for faces in (1, 100):
        with tempfile.TemporaryDirectory() as folder, answering(Path(folder), faces, watch) as engine:
            key = Credentials(*engine.access_keys.create("benchmark"))
            name = f"{faces} face{'s' if faces > 1 else ''}"
            inside.add_row(name, *asyncio.run(measured(application_of(engine), key, body, count, watch)))
            outside.add_row(name, *over_a_socket(application_of(engine), key, body, count))
    console.print(inside, outside)


def request_body() -> bytes:
    """DetectFaces of a megabyte that nothing can compress, as boto3 spells it."""
    image = b"\xff\xd8\xff\xe0" + np.random.default_rng(0).bytes(MEGABYTE - 4)
    return json.dumps({"Image": {"Bytes": base64.b64encode(image).decode()}}).encode()


@contextmanager
def answering(home: Path, faces: int, watch: Stopwatch) -> Iterator[Engine]:
    """An engine whose DetectFaces finds so many faces in no time."""
    (home / "rates.toml").write_text(FREE, encoding="utf-8")
    result, original = answer(faces), FaceOperations.detect_faces
    FaceOperations.detect_faces = watch.timed("handler", lambda *_: result)  # type: ignore[method-assign]
    try:
        with open_engine(load_settings({}, home=home, server={"rates": str(home / "rates.toml")})) as engine:
            yield engine
    finally:
        FaceOperations.detect_faces = original  # type: ignore[method-assign]


def answer(count: int) -> Result:
    """A result with boxes, five points, pose and quality for each of `count` faces."""
    draw = np.random.default_rng(1).random
    faces = Faces(
        boxes=draw((count, 4), np.float32),
        scores=draw(count, np.float32),
        landmarks5=draw((count, 5, 2), np.float32),
        pose=draw((count, 3), np.float32) * 90,
        quality=draw((count, 2), np.float32) * 100,
    )
    return Result(members={"FaceDetails": [face_detail(faces, row, None) for row in range(count)]})


async def measured(application: ASGIApp, key: Credentials, body: bytes, count: int, watch: Stopwatch) -> list[str]:
    """The medians of the stages, then of the whole: total, its 99th percentile, CPU, bare cost and the ratio to it."""
    spent: dict[str, list[float]] = defaultdict(list)
    pieces = [body[start : start + PIECE] for start in range(0, len(body), PIECE)]
    for turn in range(count + count // 10):
        headers = signed(key, body)
        watch.spent.clear()
        start, busy = time.perf_counter(), time.process_time()
        await asked(application, headers, pieces, watch)
        busy = 1e3 * (time.process_time() - busy)
        total = 1e3 * (time.perf_counter() - start) - watch.spent.pop("handler")
        if turn < count // 10:
            continue  # still warming up
        parts = total - sum(watch.spent.values()) + watch.spent["of it base64"]
        start = time.perf_counter()
        bare(body)
        row = watch.spent | {
            "the rest": parts,
            "total": total,
            "CPU": busy,
            "bare": 1e3 * (time.perf_counter() - start),
        }
        for name, milliseconds in row.items():
            spent[name].append(milliseconds)
    ratio = median(a / b for a, b in zip(spent["total"], spent["bare"], strict=True))
    cells = [f"{median(spent[name]):.2f}" for name in ("read", *STAGES, "the rest", "total")]
    tail = percentile(spent["total"], 99), median(spent["CPU"]), median(spent["bare"]), ratio
    return [*cells, *(f"{value:.2f}" for value in tail)]


async def asked(application: ASGIApp, headers: dict[str, str], pieces: list[bytes], watch: Stopwatch) -> None:
    """One request as an HTTP server hands it over."""
    first, place, status = 0.0, 0, 0

    async def receive() -> Message:
        nonlocal first, place
        first = first or time.perf_counter()
        place += 1
        if place == len(pieces):
            watch.spent["read"] = 1e3 * (time.perf_counter() - first)
        return {"type": "http.request", "body": pieces[place - 1], "more_body": place < len(pieces)}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "scheme": "http",
    }
    await application(scope, receive, send)
    assert status == 200, status


def bare(body: bytes) -> bytes:
    """What nobody who answers this request can do without."""
    hashlib.sha256(body).hexdigest()
    return bytes(DECODE(json.loads(body.decode())["Image"]["Bytes"], validate=True))


def signed(key: Credentials, body: bytes, host: str = "127.0.0.1") -> dict[str, str]:
    headers = {"X-Amz-Target": "RekognitionService.DetectFaces", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", f"http://{host}/", headers | {"Host": host, "Content-Length": str(len(body))}, body)
    SigV4Auth(key, "rekognition", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def over_a_socket(application: ASGIApp, key: Credentials, body: bytes, count: int) -> list[str]:
    """The median and the 99th percentile of an answer's milliseconds, as a client on the same machine sees them."""
    server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="off"))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        connection = http.client.HTTPConnection("127.0.0.1", port)
        taken = []
        for _ in range(count + count // 10):
            headers = signed(key, body, f"127.0.0.1:{port}")
            start = time.perf_counter()
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            response.read()
            taken.append(1e3 * (time.perf_counter() - start))
            assert response.status == 200, response.status
        connection.close()
        server.should_exit = True
        thread.join()
    taken = taken[count // 10 :]
    return [f"{median(taken):.2f}", f"{percentile(taken, 99):.2f}"]


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


if __name__ == "__main__":
    main()
