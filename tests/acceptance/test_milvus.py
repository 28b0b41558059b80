"""Several server processes on one PostgreSQL and one Milvus."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError
from milvus_server import TOKEN, MilvusServer
from postgres_server import PostgresServer
from test_postgres import COLLECTION, Cluster, index

pytestmark = pytest.mark.slow

#: Seconds that clients work.
WORK = 4.0


@pytest.fixture
def cluster(postgres: PostgresServer, milvus: MilvusServer, models: Path, tmp_path: Path) -> Iterator[Cluster]:
    """Two servers whose collections begin in Milvus."""
    with postgres.database() as name, ExitStack() as stack:
        made = Cluster(postgres.url(name), models, [tmp_path / "one", tmp_path / "two"], stack, {})
        for home in made.homes:
            home.mkdir()
            (home / "regard.toml").write_text(
                f'[index]\nmilvus = "{milvus.uri}"\nmilvus_token = "{TOKEN}"\ndefault = "milvus"\n', encoding="utf-8"
            )
        made.key = json.loads(made.said("keys", "create", "--json", home=made.homes[0]))
        shutil.copy(made.homes[0] / "seal.key", made.homes[1])
        yield made


def found(client: Any, face_id: str) -> set[str]:
    """Every other face that a search by this one finds."""
    answer = client.search_faces(CollectionId=COLLECTION, FaceId=face_id, FaceMatchThreshold=0, MaxFaces=4096)
    return {match["Face"]["FaceId"] for match in answer["FaceMatches"]}


@dataclass
class Watch:
    """Clients who look for what must be found, until they are told to stop."""

    face_id: str
    others: set[str]
    stop: threading.Event = field(default_factory=threading.Event)
    wrong: list[str] = field(default_factory=list)

    def search(self, client: Any) -> None:
        """By a face that is the user ada's."""
        while not self.stop.is_set():
            if not self.others <= found(client, self.face_id):
                self.wrong.append("a face was missed")
            users = client.search_users(CollectionId=COLLECTION, FaceId=self.face_id, UserMatchThreshold=90)
            if [each["User"]["UserId"] for each in users["UserMatches"]] != ["ada"]:
                self.wrong.append("a user was missed")

    def enrol(self, client: Any) -> None:
        for number in range(100, 200):
            if self.stop.is_set():
                return
            new, *more = index(client, number)
            if not set(more) <= found(client, new):
                self.wrong.append("a new face was missed")


def agrees(cluster: Cluster) -> None:
    said = cluster.said("collections", "verify", home=cluster.homes[1])
    assert "the index agrees with the database" in said, said


def test_servers_share_what_is_in_milvus_and_a_collection_moves_while_it_is_searched(cluster: Cluster) -> None:
    with cluster.serving() as servers, ThreadPoolExecutor(4) as pool:
        one, two = (cluster.client(server) for server in servers)
        one.create_collection(CollectionId=COLLECTION)
        first, *others = index(one, 1)
        assert found(two, first) == set(others)
        two.delete_faces(CollectionId=COLLECTION, FaceIds=others[:1])
        assert found(one, first) == set(others[1:])
        one.create_user(CollectionId=COLLECTION, UserId="ada")
        one.associate_faces(CollectionId=COLLECTION, UserId="ada", FaceIds=[first], UserMatchThreshold=0)
        watch = Watch(first, set(others[1:]))
        working = [pool.submit(watch.search, cluster.client(server)) for server in servers]
        working.append(pool.submit(watch.enrol, cluster.client(servers[1])))
        try:
            for into in ("embedded", "milvus"):
                said = cluster.said("collections", "move", COLLECTION, "--to", into, home=cluster.homes[0])
                assert f"{COLLECTION} is in {into} now." in said, said
                time.sleep(1)
        finally:
            watch.stop.set()
        for done in working:
            done.result(timeout=60)
        assert watch.wrong == []
        assert found(one, first) == found(two, first)
        agrees(cluster)
        listed = json.loads(cluster.said("collections", "list", "--json", home=cluster.homes[0]))
        assert listed[0]["Index"] == "milvus"
        assert "Milvus v2" in cluster.said("doctor", home=cluster.homes[0])


def test_killing_a_server_in_the_midst_of_writes_loses_nothing_in_milvus(cluster: Cluster) -> None:
    stored: set[str] = set()
    deleted: set[str] = set()

    def write(client: Any, lane: int) -> None:
        end = time.monotonic() + WORK
        with suppress(BotoCoreError):  # of the server that is killed
            for number in range(lane * 1000, (lane + 1) * 1000):
                if time.monotonic() > end:
                    return
                first, *others = index(client, number)
                stored.update(others)
                gone = client.delete_faces(CollectionId=COLLECTION, FaceIds=[first])["DeletedFaces"]
                deleted.update(gone)

    with cluster.serving() as servers, ThreadPoolExecutor(4) as pool:
        clients = [cluster.client(server) for server in servers]
        clients[0].create_collection(CollectionId=COLLECTION)
        index(clients[0], 9_999)
        working = [pool.submit(write, cluster.client(servers[lane % 2]), lane) for lane in range(4)]
        time.sleep(WORK / 2)
        servers[0].process.send_signal(signal.SIGKILL)
        servers[0].process.wait(timeout=10)
        for done in working:
            done.result(timeout=60)
        probe = min(stored)
        held = found(clients[1], probe) | {probe}
        assert len(stored) > 8
        assert stored <= held
        assert not deleted & held
    agrees(cluster)
