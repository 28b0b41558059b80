"""Several server processes on one PostgreSQL: each with a home of its own, all with one seal key."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import in_process
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from people import crowd, encoded
from postgres_server import PASSWORD, QUOTED, PostgresServer

from regard.bootstrap.engine import open_engine
from regard.config.settings import load_settings

pytestmark = pytest.mark.slow

COLLECTION = "everybody"
#: Seconds that clients work.
WORK = 3.0


@dataclass
class Server:
    """A running `regard serve`."""

    port: int
    process: subprocess.Popen[str]


@dataclass
class Cluster:
    """Two servers, the URL of their database, and one who calls them."""

    url: str
    models: Path
    homes: list[Path]
    stack: ExitStack
    key: dict[str, str]

    def run(self, *arguments: str, home: Path) -> subprocess.Popen[str]:
        """`regard …` in a process of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REGARD_")}
        return subprocess.Popen(
            [sys.executable, "-m", "regard", *arguments, "--home", str(home)],
            env=kept | self._settings(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def said(self, *arguments: str, home: Path) -> str:
        """What `regard …` says, in this process."""
        done = in_process.run([*arguments, "--home", str(home)], self._settings())
        return done.stdout + done.stderr

    def _settings(self) -> dict[str, str]:
        return {
            "REGARD_STORE_DATABASE": self.url,
            "REGARD_MODELS_FOLDER": str(self.models),
            "REGARD_MODELS_THREADS": "1",
        }

    @contextmanager
    def serving(self) -> Iterator[list[Server]]:
        """Both servers, started at once; killed at the end if nobody did it before."""
        ports = [free_port() for _ in self.homes]
        started = [
            Server(port, self.run("serve", "--port", str(port), home=home))
            for port, home in zip(ports, self.homes, strict=True)
        ]
        try:
            for server in started:
                wait_for(server)
            yield started
        finally:
            for server in started:
                server.process.kill()
                server.process.communicate()

    def client(self, server: Server, key: dict[str, str] | None = None) -> Any:
        key = key or self.key
        made = boto3.client(
            "rekognition",
            endpoint_url=f"http://127.0.0.1:{server.port}",
            region_name="us-east-1",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
        )
        return self.stack.enter_context(closing(made))

    def check(self, clients: list[Any], stored: set[str], deleted: set[str]) -> None:
        """Both servers, and the database, hold what was acknowledged and nothing that was deleted."""
        lists = [listed(client) for client in clients]
        assert all(ids == lists[0] for ids in lists)
        assert stored <= lists[0]
        assert not deleted & lists[0]
        probe = min(stored)
        for client in clients:
            answer = client.search_faces(CollectionId=COLLECTION, FaceId=probe, FaceMatchThreshold=0, MaxFaces=4096)
            assert {match["Face"]["FaceId"] for match in answer["FaceMatches"]} == lists[0] - {probe}
        settings = load_settings({}, home=self.homes[0], models={"folder": self.models}, store={"database": self.url})
        with open_engine(settings) as engine:
            assert engine.index_sync.agreement() == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(server: Server) -> None:
    deadline = time.monotonic() + 60
    while not is_ready(server.port):
        assert server.process.poll() is None, server.process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert server.process.stdout is not None
    threading.Thread(target=drain, args=(server.process.stdout,), daemon=True).start()


def drain(stream: Any) -> None:
    """Read a server's log, which would fill the pipe."""
    with suppress(ValueError):
        for _ in stream:
            pass


def is_ready(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1)) as connection, suppress(OSError):
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    return False


def picture(number: int) -> bytes:
    """Four faces; each number gives other bytes, hence other faces."""
    pixels = crowd(2, 2, 64).copy()
    pixels[0, 0] = np.frombuffer(number.to_bytes(3, "big"), np.uint8)
    return encoded(pixels, "PNG")


def index(client: Any, number: int) -> list[str]:
    records = client.index_faces(CollectionId=COLLECTION, Image={"Bytes": picture(number)})["FaceRecords"]
    return [record["Face"]["FaceId"] for record in records]


def listed(client: Any) -> set[str]:
    pages = client.get_paginator("list_faces").paginate(CollectionId=COLLECTION)
    return {face["FaceId"] for page in pages for face in page["Faces"]}


@pytest.fixture
def cluster(postgres: PostgresServer, models: Path, tmp_path: Path) -> Iterator[Cluster]:
    with postgres.database() as name, ExitStack() as stack:
        made = Cluster(postgres.url(name), models, [tmp_path / "one", tmp_path / "two"], stack, {})
        made.key = json.loads(made.said("keys", "create", "--json", home=made.homes[0]))
        made.homes[1].mkdir()
        shutil.copy(made.homes[0] / "seal.key", made.homes[1])
        yield made


def test_what_is_done_through_one_server_holds_at_the_other_at_once(cluster: Cluster) -> None:
    with cluster.serving() as servers:
        one, two = (cluster.client(server) for server in servers)
        one.create_collection(CollectionId=COLLECTION)
        assert two.list_collections()["CollectionIds"] == [COLLECTION]
        first, *others = index(one, 1)
        matches = two.search_faces(CollectionId=COLLECTION, FaceId=first, FaceMatchThreshold=0)["FaceMatches"]
        assert {match["Face"]["FaceId"] for match in matches} == set(others)
        two.delete_faces(CollectionId=COLLECTION, FaceIds=others[:1])
        matches = one.search_faces(CollectionId=COLLECTION, FaceId=first, FaceMatchThreshold=0)["FaceMatches"]
        assert {match["Face"]["FaceId"] for match in matches} == set(others[1:])
        asked = {"CollectionId": COLLECTION, "UserId": "ada", "ClientRequestToken": "once"}
        one.create_user(**asked)
        two.create_user(**asked)  # what answers a token is shared too
        key = json.loads(cluster.said("keys", "create", "--json", home=cluster.homes[0]))
        assert cluster.client(servers[1], key).list_users(CollectionId=COLLECTION)["Users"][0]["UserId"] == "ada"
        page = one.list_faces(CollectionId=COLLECTION, MaxResults=1)
        again = two.list_faces(CollectionId=COLLECTION, MaxResults=9, NextToken=page["NextToken"])
        assert len(again["Faces"]) == 2
        two.delete_collection(CollectionId=COLLECTION)
        with pytest.raises(one.exceptions.ResourceNotFoundException):
            one.search_faces(CollectionId=COLLECTION, FaceId=first)


def test_ten_clients_of_both_servers_meet_no_error_while_faces_come_and_go(cluster: Cluster) -> None:
    stored: set[str] = set()
    deleted: set[str] = set()

    def work(clients: list[Any], lane: int) -> None:
        end, number = time.monotonic() + WORK, lane * 1000
        while time.monotonic() < end:
            here, there = clients if number % 2 else reversed(clients)
            ids = index(here, number)
            assert len(ids) == 4
            there.search_faces(CollectionId=COLLECTION, FaceId=ids[0], FaceMatchThreshold=0)
            gone = there.delete_faces(CollectionId=COLLECTION, FaceIds=ids[3:])["DeletedFaces"]
            assert gone == ids[3:]
            stored.update(ids[:3])
            deleted.update(gone)
            number += 1

    with cluster.serving() as servers, ThreadPoolExecutor(10) as pool:
        lanes = [[cluster.client(server) for server in servers] for _ in range(10)]
        lanes[0][0].create_collection(CollectionId=COLLECTION)
        for done in [pool.submit(work, clients, lane) for lane, clients in enumerate(lanes)]:
            done.result(timeout=60)
        cluster.check(lanes[0], stored, deleted)
    assert len(deleted) >= 10


def test_killing_one_server_in_the_midst_of_writes_loses_nothing_and_the_other_goes_on(cluster: Cluster) -> None:
    stored: set[str] = set()
    killed = threading.Event()
    after: list[str] = []

    def write(client: Any, lane: int, told: Callable[[list[str]], None]) -> None:
        end = time.monotonic() + WORK
        for number in range(lane * 1000, (lane + 1) * 1000):
            if time.monotonic() > end:
                return
            told(index(client, number))

    def doomed(client: Any, lane: int) -> None:
        with suppress(BotoCoreError):
            write(client, lane, stored.update)
            pytest.fail("the server outlived its kill")

    def alive(client: Any, lane: int) -> None:
        def told(ids: list[str]) -> None:
            stored.update(ids)
            if killed.is_set():
                after.extend(ids)

        write(client, lane, told)

    with cluster.serving() as servers, ThreadPoolExecutor(6) as pool:
        clients = [cluster.client(server) for server in servers]
        clients[0].create_collection(CollectionId=COLLECTION)
        working = [pool.submit(doomed, cluster.client(servers[0]), lane) for lane in range(3)]
        working += [pool.submit(alive, cluster.client(servers[1]), lane) for lane in range(3, 6)]
        time.sleep(WORK / 2)
        servers[0].process.send_signal(signal.SIGKILL)
        servers[0].process.wait(timeout=10)
        killed.set()
        for done in working:
            done.result(timeout=60)
        assert len(after) >= 8
        cluster.check(clients[1:], stored, set())


def test_doctor_says_which_database_and_never_its_password(cluster: Cluster) -> None:
    said = cluster.said("doctor", home=cluster.homes[1])
    (line,) = [line for line in said.splitlines() if "postgresql://" in line]
    assert line.split()[:2] == ["ok", "database"]
    assert "regard:***@127.0.0.1" in line
    assert "agrees with SQL" in said
    assert PASSWORD not in said
    assert QUOTED not in said


def test_a_server_without_the_seal_key_that_sealed_the_access_keys_says_so(cluster: Cluster, tmp_path: Path) -> None:
    said = cluster.said("doctor", home=tmp_path / "three")
    assert "Restore it from a backup" in said
