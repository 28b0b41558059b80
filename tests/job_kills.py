"""Workers of toy jobs, killed at random: shared by a small sweep among the tests and a long one for endurance."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from toy_task import ACT, LENGTH, caller, endings, new_job, now

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.jobs import Job, JobState
from regard.engine.jobs.queue import JobQueue
from regard.store import database
from regard.store.database import Database
from regard.store.job_rows import ACTIVE
from regard.store.outbox_rows import OutboxRows
from regard.store.tables.jobs import job_chunks

LEASE = 1.5
CHUNKS, ITEMS = 6, 40
WORKERS = 2
#: Looks in vain before it is given up, and how far they are apart: a machine that stands still does not look.
_PATIENCE, _LOOK_SECONDS = 2400, 0.05
#: The longest that the work goes on, once some has begun, before the next kill; a chunk takes a fifth of it.
_LONGEST_SECONDS = 0.8
#: One kill in so many does not wait for work to begin: a start is interrupted, too.
_AT_ONCE = 8


@dataclass
class Yard:
    """Jobs there are to do, and who does them: a process with `WORKERS` of its own, which end with it."""

    url: str
    opened: Database
    asked: list[Job] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.queue = JobQueue(self.opened, account_id="1", kept=timedelta(days=7), clock=now)
        self.ends = endings(self.opened, LEASE)
        self.gate = Gate(OPEN)

    def ask(self, count: int) -> None:
        """See to it that there are so many jobs to do, two on each object."""
        for _ in range(count - self.left()):
            number = len(self.asked)
            request: dict[str, Any] = {"chunks": CHUNKS, "items": ITEMS, "seconds": 0.15, "in_order": number % 2}
            with self.gate.open(caller(f"key{number % 5}"), ACT) as grant:
                self.asked.append(self.queue.submit(grant, new_job(f"clip{number // 2}.mp4", **request)))

    def left(self) -> int:
        """How many jobs there are to do."""
        return sum(self.ends.jobs.counts().get(state, 0) for state in ACTIVE)

    def attempts(self) -> int:
        """How often a plan, a chunk or an ending was begun."""
        with self.opened.read() as connection:
            return int(connection.execute(select(func.sum(job_chunks.c.attempt))).scalar_one() or 0)

    def hire(self) -> subprocess.Popen[bytes]:
        """Whoever does jobs; somebody new unless they still live."""
        if self.process is None or self.process.poll() is not None:
            paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
            command = [sys.executable, "-m", "toy_worker", self.url, str(LEASE), str(WORKERS)]
            self.process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths})
        return self.process

    def wait_for_more(self) -> None:
        """Until another chunk was begun, or done."""
        before = (self.attempts(), self.ends.jobs.chunks_done())
        for _ in range(_PATIENCE):
            if (self.attempts(), self.ends.jobs.chunks_done()) != before or not self.left():
                return
            time.sleep(_LOOK_SECONDS)
        raise AssertionError(self.ends.jobs.counts())

    def kill_one(self, chance: random.Random) -> None:
        process = self.hire()
        victim = chance.choice([process.pid, *_children(process)])
        os.kill(victim, signal.SIGKILL)
        if victim == process.pid:
            process.wait()

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.opened.close()


def sweep(url: str, kills: int, jobs: int, seed: int) -> int:
    """Kill that many workers, or processes of theirs, in the middle of their work, while there are `jobs` to do; then
    let them end it. How many chunks were begun again. Raises AssertionError for whatever is lost or twice."""
    yard, chance = Yard(url, database.open(url)), random.Random(seed)  # noqa: S311 - no secret
    try:
        yard.ask(jobs)
        for number in range(kills):
            yard.hire()
            if number % _AT_ONCE:
                yard.wait_for_more()
            time.sleep(chance.uniform(0.0, _LONGEST_SECONDS))
            yard.kill_one(chance)
            yard.ask(jobs)
        while yard.left():
            yard.hire()
            yard.wait_for_more()
        return check(yard)
    finally:
        yard.close()


def check(yard: Yard) -> int:
    """Every job has succeeded, with each item once in each order, and is told of once, with an id of its own. How many
    chunks were begun again."""
    outbox, told = OutboxRows(yard.opened), set[str]()
    whole = [chunk * LENGTH + at for chunk in range(CHUNKS) for at in range(ITEMS)]
    for job in yard.asked:
        with yard.gate.open(job.caller, ACT) as grant:
            found = yard.queue.get(grant, job.id, job.kind)
            assert found.state is JobState.SUCCEEDED, (found.state, found.message)
            for ordering in ("TIMESTAMP", "NAME"):
                page = yard.queue.page(grant, found, ordering, 0, 100_000)
                assert sorted(shape["Timestamp"] for shape in page.shapes()) == whole
        told.update(each.id for each in outbox.of_job(job.id))
    assert len(told) == outbox.waiting() == len(yard.asked)
    return yard.attempts() - len(yard.asked) * (CHUNKS + 2)


def _children(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes that do its work."""
    found: list[int] = []
    with suppress(OSError):  # it has ended meanwhile
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
        return [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return []
