"""psycopg, which Regard speaks to PostgreSQL through, beside pg8000: `make bench-postgresql`.

A server of its own with `fsync`, a database for each driver, and the rows' own code on both; the drivers take turns in
each of ROUNDS rounds, and who begins changes. Reported are medians: microseconds of the clock and of this process's
processors for one operation, and how many times as long pg8000 takes as psycopg in the same round, which says more than
the times where others use the machine too. The server's own work is in the clock's time, and in no processor time.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import numpy as np
import pg8000
import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import InvalidatePoolError

from regard.domain.arrays import FloatArray
from regard.domain.images import Box
from regard.store import database, postgresql_engine
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows, NewFace
from regard.store.feed_tables import FACE_FEED
from regard.store.transfer_rows import FaceColumns, TransferRows
from regard.store.vector_rows import VectorRows
from tests.postgres_server import DURABLE, binaries, running

ROUNDS, THREADS, DIMENSION = 7, 8, 512
#: Faces of one import; how many of them come in one piece; how many faces are read, and in pieces of what size.
IMPORTED, PIECE, READ, READ_PIECE = 20_000, 2048, 100_000, 8192
BUSY_SECONDS = 10.0
#: Rows that pg8000 stores in one statement, which has at most 32,767 parameters.
ROWS_IN_ONE = 512
NOW = datetime(2026, 1, 1, tzinfo=UTC)
console = Console(width=140)


def psycopg_engine(url: URL) -> Engine:
    return postgresql_engine.engine(url, BUSY_SECONDS)


def pg8000_engine(url: URL) -> Engine:
    """The same transactions through the other driver."""
    plain = url.set(drivername="postgresql+pg8000", query={})
    made = create_engine(plain, connect_args={"ssl_context": False}, hide_parameters=True, pool_size=16)
    made.dialect.use_insertmanyvalues_wo_returning = True

    @event.listens_for(made, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.autocommit = True

    @event.listens_for(made, "checkout")
    def revive(connection: Any, _: object, __: object) -> None:
        try:
            connection.cursor().execute(";")
        except pg8000.Error as error:
            raise InvalidatePoolError from error

    @event.listens_for(made, "do_executemany")
    def insert(cursor: Any, statement: str, rows: Sequence[tuple[Any, ...]], __: object) -> bool:
        # It waits for an answer to each row: many rows in one statement are the best there is.
        head, _, values = statement.partition(" VALUES ")
        signs, _, tail = values.partition(" ON CONFLICT ")
        if not tail:
            return False
        for start in range(0, len(rows), ROWS_IN_ONE):
            some = rows[start : start + ROWS_IN_ONE]
            many = f"{head} VALUES {', '.join([signs] * len(some))} ON CONFLICT {tail}"
            cursor.execute(many, tuple(chain.from_iterable(some)))
        return True

    postgresql_engine.begin_transactions(made, lock_ms=int(BUSY_SECONDS * 1000))
    return made


ENGINES: dict[str, Callable[[URL], Engine]] = {"psycopg": psycopg_engine, "pg8000": pg8000_engine}


@dataclass(frozen=True)
class Subject:
    """A driver with a database of its own."""

    engine: Engine
    vectors: FloatArray

    @cached_property
    def database(self) -> database.Database:
        return database.Database(self.engine)

    @cached_property
    def collection(self) -> Any:
        return CollectionRows(self.database).create("everybody", "toy-1", {}, NOW)

    @cached_property
    def known(self) -> str:
        """A face that is there."""
        return self._add()

    def round_trips(self, count: int) -> None:
        with self.engine.connect() as connection:
            for _ in range(count):
                connection.exec_driver_sql("SELECT 1").scalar_one()

    def reads(self, count: int) -> None:
        rows = FaceRows(self.database)
        for _ in range(count):
            assert rows.get(self.collection.key, [self.known])

    def commits(self, count: int) -> None:
        for _ in range(count):
            self._add()

    def _add(self) -> str:
        box = Box(left=0.1, top=0.2, width=0.3, height=0.4)
        new = NewFace(face_id=str(uuid4()), image_id=str(uuid4()), external_image_id="one", box=box, confidence=99.5)
        FaceRows(self.database).add(self.collection.key, [new], self.vectors[:1], "toy-1", NOW)
        return new.face_id

    def imports(self, count: int) -> None:
        pieces = (columns(self.vectors[start:count][:PIECE]) for start in range(0, count, PIECE))
        assert TransferRows(self.database).add(self.collection, pieces) == count

    def vector_reads(self, count: int) -> None:
        rows, after, found = VectorRows(self.database, FACE_FEED), 0, 0
        while found < count:
            batches = rows.since(after, min(READ_PIECE, count - found))
            found += sum(len(batch.keys) for batch in batches)
            after = max(int(batch.keys[-1]) for batch in batches)


def columns(vectors: FloatArray) -> FaceColumns:
    count = len(vectors)
    ids = [str(uuid4()) for _ in range(count)]
    return FaceColumns(
        face_ids=ids,
        image_ids=ids,
        external_image_ids=["one"] * count,
        user_ids=[None] * count,
        user_created_at=[None] * count,
        boxes=np.full((count, 4), 0.25),
        confidences=np.full(count, 99.5),
        created_at=[1_767_225_600_000_000] * count,
        embeddings=vectors.astype("<f2"),
    )


@dataclass(frozen=True)
class Task:
    """`work(subject, count)` in each of some threads."""

    name: str
    work: Callable[[Subject, int], None]
    count: int
    threads: int = 1

    def timed(self, subject: Subject) -> tuple[float, float]:
        """Microseconds for one operation: of the clock, and of this process's processors."""
        wall, cpu = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(self.threads) as pool:
            for done in [pool.submit(self.work, subject, self.count // self.threads) for _ in range(self.threads)]:
                done.result()
        took = time.perf_counter() - wall, time.process_time() - cpu
        return took[0] / self.count * 1e6, took[1] / self.count * 1e6


#: The import comes before what reads it.
TASKS = (
    Task("round trip: SELECT 1", Subject.round_trips, 1600),
    Task("round trip, 8 threads", Subject.round_trips, 3200, THREADS),
    Task("read transaction: one face", Subject.reads, 400),
    Task("read transaction, 8 threads", Subject.reads, 800, THREADS),
    Task("commit: one face, 512 numbers", Subject.commits, 240),
    Task("commit, 8 threads", Subject.commits, 480, THREADS),
    Task("import, each face", Subject.imports, IMPORTED),
    Task("reading embeddings, each", Subject.vector_reads, READ),
)


@dataclass(frozen=True)
class Times:
    """(clock, processors) of each round, by driver."""

    of: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: {name: [] for name in ENGINES})

    def cells(self) -> Iterator[str]:
        for place in (0, 1):
            ours, theirs = ([each[place] for each in self.of[name]] for name in ENGINES)
            ratio = median(their / our for our, their in zip(ours, theirs, strict=True))
            yield from (f"{median(ours):,.1f}", f"{median(theirs):,.1f}", f"{ratio:.2f}")


@contextmanager
def subjects() -> Iterator[dict[str, Subject]]:
    found = binaries()
    if found is None:
        raise SystemExit("PostgreSQL's server is not installed: apt-get install postgresql")
    vectors = np.random.default_rng(0).standard_normal((IMPORTED, DIMENSION), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    temporary = tempfile.TemporaryDirectory(prefix="regard-bench-")
    with temporary as folder, running(found, Path(folder), *DURABLE) as server:
        made = {}
        for name, engine in ENGINES.items():
            server.run(f"CREATE DATABASE {name}")
            database.open(server.url(name)).close()
            made[name] = Subject(engine(make_url(server.url(name))), vectors)
        yield made
        for subject in made.values():
            subject.engine.dispose()


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} × {names[0]}"


def main() -> None:
    times = {task: Times() for task in TASKS}
    with subjects() as made:
        for subject in made.values():  # connections, caches, and enough faces to read
            Task("", Subject.commits, THREADS * 4, THREADS).timed(subject)
            assert subject.known
            for _ in range(READ // IMPORTED):
                subject.imports(IMPORTED)
        for number in range(ROUNDS):
            for task in TASKS:
                for name, subject in list(made.items())[:: 1 if number % 2 else -1]:
                    times[task].of[name].append(task.timed(subject))
        with made["psycopg"].engine.connect() as connection:
            server = connection.exec_driver_sql("SHOW server_version").scalar_one()
    drivers = f"psycopg {psycopg.__version__}, pg8000 {pg8000.__version__}"
    title = f"PostgreSQL {server}, {drivers}; {processor()}; {ROUNDS} rounds"
    table = Table(title=title)
    table.add_column("µs for one")
    for column in ("psycopg", "pg8000", "ratio", "psycopg, CPU", "pg8000, CPU", "ratio"):
        table.add_column(column, justify="right")
    for task, taken in times.items():
        table.add_row(task.name, *taken.cells())
    console.print(table)


if __name__ == "__main__":
    main()
