"""`kill -9` under load: what was acknowledged is there, what was acknowledged as deleted is gone."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from live_server import whole
from people import crowd, encoded

from regard.bootstrap.engine import open_engine
from regard.config.settings import load_settings

pytestmark = pytest.mark.slow

ROUNDS, CLIENTS, COLLECTION = 3, 4, "survivors"
#: More pictures than a client can send before the end.
MANY = 10_000


@dataclass
class Record:
    """What clients know for certain, and what was under way when the server died."""

    stored: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def regard(*arguments: str, home: Path, models: Path) -> subprocess.Popen[str]:
    """`regard …` in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGARD_")}
    return subprocess.Popen(
        [sys.executable, "-m", "regard", *arguments, "--home", str(home)],
        env={**kept, "REGARD_MODELS_FOLDER": str(models), "REGARD_MODELS_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def is_ready(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1)) as connection, suppress(OSError):
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    return False


@contextmanager
def serving(port: int, home: Path, models: Path) -> Iterator[subprocess.Popen[str]]:
    """A real server, killed at the end if nobody did it before."""
    with regard("serve", "--port", str(port), home=home, models=models) as server:
        try:
            deadline = time.monotonic() + 60
            while not is_ready(port):
                assert server.poll() is None, server.stdout and server.stdout.read()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert server.stdout is not None
            threading.Thread(target=server.stdout.read, daemon=True).start()  # or its log would fill the pipe
            yield server
        finally:
            server.kill()


def picture(number: int) -> bytes:
    """Four faces; each number gives other bytes, hence other faces."""
    pixels = crowd(2, 2, 64).copy()
    pixels[0, 0] = np.frombuffer(number.to_bytes(3, "big"), np.uint8)
    return encoded(pixels, "PNG")


def work(client: Any, record: Record, first: int) -> None:
    """Index and delete until the server is gone."""
    rng, mine = random.Random(first), []  # noqa: S311
    with suppress(BotoCoreError):
        for number in range(first, first + MANY):
            answer = client.index_faces(CollectionId=COLLECTION, Image={"Bytes": picture(number)})
            ids = [each["Face"]["FaceId"] for each in whole(answer, "FaceRecords")]
            mine += ids
            with record.lock:
                record.stored.update(ids)
            if rng.random() < 0.5:
                doomed = [mine.pop(rng.randrange(len(mine))) for _ in range(2)]
                with record.lock:
                    record.stored.difference_update(doomed)
                    record.unsure.update(doomed)
                done = whole(client.delete_faces(CollectionId=COLLECTION, FaceIds=doomed), "DeletedFaces")
                with record.lock:
                    record.unsure.difference_update(done)
                    record.deleted.update(done)


def load(server: subprocess.Popen[str], clients: list[Any], record: Record, first: int) -> None:
    """Work with all clients at once, and kill the server in the midst of it."""
    threads = [
        threading.Thread(target=work, args=(each, record, first + number * MANY)) for number, each in enumerate(clients)
    ]
    for thread in threads:
        thread.start()
    deadline, enough = time.monotonic() + 30, len(record.stored) + 8
    while len(record.stored) < enough and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(random.uniform(0, 1.5))  # noqa: S311 - any moment will do
    server.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def check(client: Any, record: Record) -> None:
    """The lists and the index of a restarted server hold what they must."""
    pages = client.get_paginator("list_faces").paginate(CollectionId=COLLECTION, PaginationConfig={"PageSize": 50})
    listed = {face["FaceId"] for page in pages for face in page["Faces"]}
    assert record.stored <= listed
    assert not record.deleted & listed
    assert client.describe_collection(CollectionId=COLLECTION)["FaceCount"] == len(listed)
    if listed:
        probe = min(listed)
        found = client.search_faces(CollectionId=COLLECTION, FaceId=probe, FaceMatchThreshold=0)["FaceMatches"]
        assert {match["Face"]["FaceId"] for match in found} == listed - {probe}


def check_at_rest(home: Path, models: Path, record: Record) -> None:
    with open_engine(load_settings({}, home=home, models={"folder": models})) as engine:
        assert engine.index_sync.agreement() == []
        collection = engine.stores.collections.get(COLLECTION)
        held = {face.face_id for face in engine.stores.faces.page(collection.key, 0, 100_000)}
        assert record.stored <= held
        assert not record.deleted & held


def test_killing_a_server_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path, models: Path) -> None:
    home, port, record = tmp_path / "home", free_port(), Record()
    with regard("keys", "create", "--json", home=home, models=models) as making:
        assert making.stdout is not None
        key = json.loads(making.stdout.read())

    def client(stack: ExitStack) -> Any:
        made = boto3.client(
            "rekognition",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20),
        )
        return stack.enter_context(closing(made))

    for turn in range(ROUNDS):
        with serving(port, home, models) as server, ExitStack() as stack:
            clients = [client(stack) for _ in range(CLIENTS)]
            if turn == 0:
                clients[0].create_collection(CollectionId=COLLECTION)
            check(clients[0], record)
            load(server, clients, record, first=turn * CLIENTS * MANY)
        check_at_rest(home, models, record)
    assert len(record.stored) > 20
    assert record.deleted
    with serving(port, home, models), ExitStack() as stack:
        check(client(stack), record)
