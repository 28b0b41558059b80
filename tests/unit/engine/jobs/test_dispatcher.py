"""Workers that die, hang and come back, and jobs that go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from job_kills import sweep
from stores import Store
from toy_task import ACT, ToyTask, caller, endings, new_job, now, toy_work, work_of

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.jobs import Job, JobState
from regard.engine.jobs.announcer import Announcer
from regard.engine.jobs.dispatcher import Dispatcher
from regard.engine.jobs.endings import Endings
from regard.engine.jobs.queue import JobQueue
from regard.engine.work.this_process import ThisProcess
from regard.engine.work.worker_process import WorkerProcess
from regard.store.claim_rows import Claim

SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
PATIENCE = 60.0


def submit(store: Store, name: str = "clip.mp4", **request: Any) -> Job:
    queue = JobQueue(store.database, account_id="1", kept=timedelta(days=7), clock=now)
    with Gate(OPEN).open(caller(), ACT) as grant:
        return queue.submit(grant, new_job(name, **request))


def ended(store: Store, *jobs: Job) -> list[Job]:
    """The jobs, once all of them have ended."""
    rows, end = endings(store.database).jobs, time.monotonic() + PATIENCE
    while True:
        found = [each for job in jobs if (each := rows.get(job.id)) is not None]
        if all(each.state.ended for each in found):
            return found
        assert time.monotonic() < end, [(each.state, each.progress) for each in found]
        time.sleep(0.05)


@contextmanager
def dispatching(store: Store, lease: float = 30.0, count: int = 1) -> Iterator[Dispatcher]:
    start = partial(WorkerProcess, partial(toy_work, store.url, lease))
    with Dispatcher(endings(store.database, lease), start, count) as dispatcher:
        yield dispatcher


def test_jobs_are_done_in_processes_of_their_own(store: Store) -> None:
    jobs = [submit(store, f"{number}.mp4", chunks=3) for number in range(3)]
    with dispatching(store, count=2):
        assert {job.state for job in ended(store, *jobs)} == {JobState.SUCCEEDED}


@SQLITE
@pytest.mark.slow
def test_a_video_that_ends_its_worker_is_tried_alone_then_failed_and_takes_no_other_with_it(store: Store) -> None:
    good, deadly = submit(store, chunks=3), submit(store, chunks=3, deadly=1)
    with dispatching(store):
        fine, failed = ended(store, good, deadly)
    assert fine.state is JobState.SUCCEEDED
    assert failed.state is JobState.FAILED
    assert failed.message == "It ended the process that worked on it, twice. Signal 11 ended it."


@SQLITE
@pytest.mark.slow
def test_a_worker_that_hangs_is_ended(store: Store) -> None:
    hanging = submit(store, chunks=2, hanging=1)
    with dispatching(store, lease=1.0):
        [failed] = ended(store, hanging)
    assert failed.state is JobState.FAILED
    assert str(failed.message).startswith("It ended the process that worked on it, twice.")


@SQLITE
@pytest.mark.slow
def test_a_worker_goes_on_after_the_machine_slept(store: Store) -> None:
    """All leases have lapsed then, and none of the workers hangs."""
    slept, ended_workers = [timedelta()], []
    ends = Endings(store.database, Announcer(), lambda: now() + slept[0], lease=timedelta(seconds=4))

    class Counted(ThisProcess[Claim, None]):
        def end(self) -> None:
            ended_workers.append(self)
            super().end()

    work = work_of(store.database, ends, ToyTask(), beat_seconds=0.1)
    job = submit(store, chunks=1, seconds=6)
    with Dispatcher(ends, lambda: Counted(work), 1):
        wait_for(lambda: [chunk for chunk in ends.chunks.of_job(job.id) if chunk.owner])
        slept[0] = timedelta(hours=8)
        assert ended(store, job)[0].state is JobState.SUCCEEDED
        assert ended_workers == []
    assert [chunk.attempts for chunk in ends.chunks.of_job(job.id)] == [1]


@SQLITE
def test_what_is_worked_on_goes_back_at_once_when_the_dispatcher_ends(store: Store) -> None:
    job = submit(store, chunks=2, seconds=30)
    claims = endings(store.database).claims
    with dispatching(store):
        wait_for(lambda: [chunk for chunk in endings(store.database).chunks.of_job(job.id) if chunk.owner])
    assert [claim.chunk.number for claim in claims.claim("next", 20)] == [0]


@SQLITE
@pytest.mark.slow
def test_a_job_waits_while_the_database_refuses_to_store_and_goes_on_after(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk: SQLite refuses whatever would grow the file."""
    monkeypatch.setattr("regard.engine.jobs.dispatcher._FAULT_SECONDS", 0.1)
    job = submit(store, chunks=3, items=3000)
    ends = endings(store.database, 0.2)
    work = work_of(store.database, ends, ToyTask())
    with full(store) as free, Dispatcher(ends, lambda: ThisProcess(work), 1):
        time.sleep(1.5)
        assert ended_in(store, job) is False
        free()
        assert ended(store, job)[0].state is JobState.SUCCEEDED


@contextmanager
def full(store: Store) -> Iterator[Callable[[], None]]:
    from sqlalchemy import event  # noqa: PLC0415

    pages = {"most": 1}

    def limit(connection: Any, _: Any, __: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages['most']}")

    engine = store.database._engine
    event.listen(engine, "checkout", limit)

    def free() -> None:
        pages["most"] = 1_000_000

    yield free
    event.remove(engine, "checkout", limit)


def ended_in(store: Store, job: Job) -> bool:
    found = endings(store.database).jobs.get(job.id)
    return found is not None and found.state.ended


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_workers_that_are_killed_at_random_lose_no_job_and_do_nothing_twice(url: str) -> None:
    assert sweep(url, kills=6, jobs=8, seed=1) >= 1
