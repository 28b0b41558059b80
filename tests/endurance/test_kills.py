"""`kill -9` under load, again and again: twice with one segment of faces; by `make endurance` a hundred times with two.

`make endurance-postgresql` does the same with the truth in PostgreSQL, of which a process is killed, too, now and then.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from postgres_server import PostgresServer
from rich.console import Console
from rich.table import Table

from regard.index.embedded.sealing import SEAL_ROWS
from regard.vision.cards import catalogue

from . import twins
from .conftest import Plan
from .customer import COLLECTION, ROUND, Customer, portraits
from .server_process import Server

pytestmark = pytest.mark.slow

CLIENTS = 4
#: Seconds, at any moment of which the server is killed once each client did a whole round of requests.
LONGER = 1.0
#: Every so many kills the server is also killed while it starts.
EARLY = 3
#: Every so many kills PostgreSQL crashes, up to so many seconds before the server is killed.
CRASH, BEFORE = 2, 1.0
#: The database's name on PostgreSQL.
DATABASE = "survivors"


def test_killing_a_server_under_load_loses_nothing_that_was_acknowledged(
    plan: Plan, postgres: PostgresServer | None, tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(tmp_path / "home", models, settings=truth_in(postgres))
    fill(server, tmp_path / "faces.parquet", plan.faces)
    share = plan.faces // CLIENTS // 2 * 2
    customers = [Customer(each, range(each * share, (each + 1) * share), seed=each) for each in range(CLIENTS)]
    starts: list[float] = []
    for kill in range(plan.kills):
        if kill % EARLY == 1:
            killed_early(server)
        with up(server) as (seconds, clients):
            starts.append(seconds)
            check(clients[0], customers, share * CLIENTS, plan.faces)
            load(server, clients, customers, postgres if kill % CRASH else None)
        if plan.told:
            with capsys.disabled():
                print(f"\nkill {kill + 1} of {plan.kills}; it had been ready after {seconds:.2f} s", end="")  # noqa: T201
    assert plan.faces < SEAL_ROWS or list(server.home.rglob("*.segment")), "nothing was sealed"
    with up(server) as (seconds, clients):
        starts.append(seconds)
        check(clients[0], customers, share * CLIENTS, plan.faces)
    assert "index agrees with the database" in server.run("collections", "verify")
    assert all(customer.ledger.indexed and customer.ledger.deleted for customer in customers)
    if plan.told:
        with capsys.disabled():
            Console(width=120).print(table(starts, customers))
    assert max(starts[1:]) < plan.start_seconds  # the first one makes the index


def truth_in(postgres: PostgresServer | None) -> dict[str, str]:
    """The settings for it, without which it is in SQLite."""
    if postgres is None:
        return {}
    postgres.run(f"CREATE DATABASE {DATABASE}")
    return {"REGARD_STORE_DATABASE": postgres.url(DATABASE)}


def fill(server: Server, file: Path, faces: int) -> None:
    version = catalogue()["fr-feature"].version
    twins.write(file, faces, version)
    server.run("collections", "import", str(file), "--as", COLLECTION, "--face-model", version)
    file.unlink()


@contextmanager
def up(server: Server) -> Iterator[tuple[float, list[Any]]]:
    with server.started() as seconds, ExitStack() as stack:
        yield seconds, [server.client(stack) for _ in range(CLIENTS)]


def killed_early(server: Server) -> None:
    """Start, and kill before it is ready."""
    with server.begun():
        time.sleep(random.uniform(0.2, 1.5))  # noqa: S311
        server.kill()


def load(server: Server, clients: list[Any], customers: list[Customer], crashing: PostgresServer | None = None) -> None:
    """Work with all clients at once, and kill the server in the midst of it, after the database if that is given."""
    before = [customer.done for customer in customers]
    crashed = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        working = [
            pool.submit(customer.work, client, crashed.is_set)
            for customer, client in zip(customers, clients, strict=True)
        ]
        while not any(each.done() for each in working) and any(
            customer.done < start + ROUND for customer, start in zip(customers, before, strict=True)
        ):
            time.sleep(0.02)
        time.sleep(random.uniform(0, LONGER))  # noqa: S311 - any moment will do
        gave_up = any(each.done() for each in working)
        if crashing:
            crashed.set()
            crashing.crash(DATABASE)
            time.sleep(random.uniform(0, BEFORE))  # noqa: S311
        server.kill()
        for each in working:
            each.result()
        if crashing:
            crashing.wait()
    assert not gave_up, "a server that was there did not answer"


def check(client: Any, customers: list[Customer], shared: int, faces: int) -> None:
    """What is listed is what was acknowledged, with what was not in whole or not at all; and searches find it."""
    pages = client.get_paginator("list_faces").paginate(CollectionId=COLLECTION)
    listed = {face["FaceId"]: face.get("ExternalImageId", "") for page in pages for face in page["Faces"]}
    nobodys = {twins.face_id(number) for number in range(shared, faces)}
    for customer in customers:
        customer.ledger.settle(listed)
    known = [customer.ledger.imported | customer.ledger.indexed for customer in customers]
    assert listed.keys() == nobodys.union(*known)
    assert client.describe_collection(CollectionId=COLLECTION)["FaceCount"] == len(listed)
    found = portraits(client)
    for customer in customers:
        assert customer.ledger.indexed <= found
        assert not customer.ledger.deleted & found
        customer.check(client)


def table(starts: list[float], customers: list[Customer]) -> Table:
    added = sum(len(each.ledger.indexed) for each in customers)
    deleted = sum(len(each.ledger.deleted) for each in customers)
    done, written = sum(each.done for each in customers), sum(each.written for each in customers)
    caption = f"{done:,} requests answered, {written:,} of them writes; {added:,} added faces are there, {deleted:,} "
    made = Table(caption=f"{caption}deleted are gone")
    made.add_column("start", min_width=40)
    made.add_column("ready after", justify="right")
    for number, seconds in enumerate(starts):
        made.add_row("first, from SQL" if number == 0 else f"after kill {number}", f"{seconds:.2f} s")
    return made
