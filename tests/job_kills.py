"""Workers of toy jobs, killed at random: shared by a small sweep among the tests and a long one for endurance."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from toy_task import ACT, LENGTH, caller, endings, new_job, now

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.jobs import Job, JobState
from regard.engine.jobs.announcer import Announcer
from regard.engine.jobs.queue import JobQueue
from regard.store import database
from regard.store.database import Database
from regard.store.outbox_rows import OutboxRows

LEASE = 1.5
CHUNKS, ITEMS = 6, 40
_PATIENCE = 240.0


@contextmanager
def worker(url: str, count: int = 2) -> Iterator[subprocess.Popen[str]]:
    """A process that does jobs with `count` more, which end with it."""
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    command = [sys.executable, "-m", "toy_worker", url, str(LEASE), str(count)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths}, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def children(process: subprocess.Popen[str]) -> list[int]:
    tasks = Path(f"/proc/{process.pid}/task")
    try:
        return [int(each) for task in tasks.iterdir() for each in (task / "children").read_text().split()]
    except OSError:
        return []


def sweep(url: str, kills: int, jobs: int, seed: int) -> int:
    """Do jobs while workers are killed; how many kills there were. Raises AssertionError for whatever is lost or
    twice."""
    opened = database.open(url)
    queue = JobQueue(opened, account_id="1", kept=timedelta(days=7), clock=now)
    gate, chance = Gate(OPEN), random.Random(seed)  # noqa: S311 - no secret
    told = Announcer(webhooks=("https://example.org/",))
    asked: list[Job] = []
    for number in range(jobs):
        with gate.open(caller(f"key{number % 5}"), ACT) as grant:
            request = {"chunks": CHUNKS, "items": ITEMS, "seconds": 0.15, "in_order": number % 2}
            asked.append(queue.submit(grant, new_job(f"clip{number // 2}.mp4", **request)))
    ends, done = endings(opened, LEASE, told), 0
    end = time.monotonic() + _PATIENCE + 3 * kills
    while any(not job.state.ended for job in ends.jobs.newest(jobs)):
        assert time.monotonic() < end, ends.jobs.counts()
        with worker(url) as process:
            if done >= kills:
                while any(not job.state.ended for job in ends.jobs.newest(jobs)) and time.monotonic() < end:
                    time.sleep(0.1)
                break
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.1, 2.5))
            inner = children(process)
            victim = chance.choice([process.pid, *inner])
            os.kill(victim, signal.SIGKILL)
            done += 1
    check(opened, queue, gate, asked)
    opened.close()
    return done


def check(opened: Database, queue: JobQueue, gate: Gate, asked: list[Job]) -> None:
    """Every job has succeeded, with each item once in each order."""
    whole = [chunk * LENGTH + at for chunk in range(CHUNKS) for at in range(ITEMS)]
    for job in asked:
        with gate.open(job.caller, ACT) as grant:
            found = queue.get(grant, job.id, job.kind)
            assert found.state is JobState.SUCCEEDED, (found.state, found.message)
            for ordering in ("TIMESTAMP", "NAME"):
                items = queue.page(grant, found, ordering, 0, 100_000)
                assert sorted(item.shape["Timestamp"] for item in items) == whole
    assert OutboxRows(opened).waiting() in (0, len(asked))
