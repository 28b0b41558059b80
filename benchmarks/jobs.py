"""What jobs cost: `make bench-jobs`, on 324,000 items: six hours of video, five looks a second, three faces each.

On SQLite and on PostgreSQL: a page of 1,000 in each order; the ending that makes those orders; a claim among many jobs.
And as clients see it: every page of both orders from a server, whether each item is there once and in its place; and
how long it takes to start a job on an object of ten gigabytes.
"""

from __future__ import annotations

import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from benchmarks import parts
from benchmarks.job_pages import ACT, CHUNKS, ITEMS, KIND, PAGE, Faces, caller, new_job, now, served_pages
from benchmarks.parts import Measured
from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.bootstrap.spare_memory import keep_what_is_made
from regard.domain.jobs import JobState
from regard.engine.jobs.announcer import Announcer
from regard.engine.jobs.chunk_work import ChunkWork
from regard.engine.jobs.endings import Endings
from regard.engine.jobs.queue import MOST_JOBS, JobQueue
from regard.store import database
from tests.postgres_server import DURABLE, binaries, running

PAGES = 200
JOBS = 100


def main() -> None:
    parts.main("jobs", {"sqlite": on_sqlite, "postgresql": on_postgresql, "served": served_pages}, __doc__)


def on_sqlite() -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        return _measured(f"sqlite:///{Path(folder) / 'regard.db'}", "SQLite")


def on_postgresql() -> Measured:
    """On a server of its own."""
    found = binaries()
    if found is None:
        raise SystemExit("PostgreSQL's server is not installed: apt-get install postgresql")
    with (
        tempfile.TemporaryDirectory(prefix="regard-bench-") as folder,
        running(found, Path(folder), *DURABLE) as server,
    ):
        server.run("CREATE DATABASE jobs")
        return _measured(server.url("jobs"), "PostgreSQL")


def _measured(url: str, name: str) -> Measured:
    columns = ("what", "median", "95 %", "processor, median")
    return Measured(title=f"Jobs of {CHUNKS * ITEMS:,} items, on {name}:", columns=columns, rows=list(_rows(url)))


def _rows(url: str) -> Iterator[Sequence[str]]:
    keep_what_is_made()  # as servers and workers do
    opened = database.open(url)
    ends = Endings(opened, Announcer(), now, lease=timedelta(minutes=10))
    queue = JobQueue(opened, account_id="1", kept=timedelta(days=7), clock=now)
    gate, work = Gate(OPEN), ChunkWork({KIND: Faces(CHUNKS)}, Gate(OPEN), opened, ends, beat_seconds=60)
    with gate.open(caller("A"), ACT) as grant:
        job = queue.submit(grant, new_job())
        ending = (0.0, 0.0)
        while claims := ends.claims.claim("w", MOST_JOBS):
            ending = _timed(partial(work, claims))
        done = queue.get(grant, job.id, KIND)
        assert done.state is JobState.SUCCEEDED, done.message
        total = CHUNKS * ITEMS
        yield f"ending, {total:,} items, two orders", f"{ending[0]:.1f} s", "–", f"{ending[1]:.1f} s"
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        yield "memory of all of it, at most", f"{memory:.0f} MB", "–", "–"
        chance = random.Random(2)  # noqa: S311 - no secret
        for ordering in ("TIMESTAMP", "INDEX"):
            places = [chance.randrange(total - PAGE) for _ in range(PAGES)]
            seconds = [_timed(partial(queue.page, grant, done, ordering, after, PAGE)) for after in places]
            yield f"page of {PAGE:,} by {ordering}", *_shown(seconds)
    for number in range(JOBS):
        with gate.open(caller(f"key{number // MOST_JOBS}"), ACT) as grant:
            queue.submit(grant, new_job(f"clip{number}.mp4"))
    seconds = [_timed(partial(ends.claims.claim, "w", MOST_JOBS)) for _ in range(JOBS)]
    yield f"claim among {JOBS} jobs", *_shown(seconds)
    opened.close()


def _timed(act: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    start, busy = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - start, time.process_time() - busy


def _shown(seconds: Sequence[tuple[float, float]]) -> tuple[str, str, str]:
    clock, busy = zip(*seconds, strict=True)
    return f"{median(clock) * 1e3:.1f} ms", f"{quantiles(clock, n=20)[-1] * 1e3:.1f} ms", f"{median(busy) * 1e3:.1f} ms"


if __name__ == "__main__":
    main()
