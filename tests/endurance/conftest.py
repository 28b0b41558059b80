from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import postgres_server
import pytest
from postgres_server import PostgresServer

from regard.index.embedded.sealing import SEAL_ROWS


@dataclass(frozen=True)
class Plan:
    """So many faces, so many kills, which database; whether what happens is told, and the longest start in seconds."""

    faces: int
    kills: int
    database: str
    told: bool
    start_seconds: float


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faces", type=int, metavar="N", help="begin with N faces, and tell what happens")
    parser.addoption("--kills", type=int, metavar="N", help="kill the server N times")
    parser.addoption("--database", choices=["sqlite", "postgresql"], help="which database; PostgreSQL is killed too")
    parser.addoption("--start-seconds", type=float, metavar="S", help="fail if a start after a kill takes longer")


@pytest.fixture(scope="session")
def plan(pytestconfig: pytest.Config) -> Plan:
    """A segment to delete from while faces are added beside it, and two kills; the command line may say more."""
    names = ("faces", "kills", "database", "start_seconds")
    faces, kills, database, seconds = (pytestconfig.getoption(name, default=None) for name in names)
    return Plan(
        faces=faces or SEAL_ROWS,
        kills=kills or 2,
        database=database or "sqlite",
        told=faces is not None,
        start_seconds=seconds or float("inf"),
    )


@pytest.fixture
def postgres(plan: Plan) -> Iterator[PostgresServer | None]:
    """A PostgreSQL that writes to the disk as one in earnest does, if the plan is for one."""
    if plan.database != "postgresql":
        yield None
        return
    found = postgres_server.binaries()
    assert found, "needs PostgreSQL's server: apt-get install postgresql"
    # Not below pytest's own folder, which another user cannot enter.
    with (
        tempfile.TemporaryDirectory(prefix="regard-postgresql-") as folder,
        postgres_server.running(found, Path(folder), *postgres_server.DURABLE) as server,
    ):
        yield server
