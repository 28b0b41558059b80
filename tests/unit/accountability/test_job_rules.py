"""Jobs under rules that change while they run, and the time of what they found."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from safekeeping import MakeSafe, Safe, ruled
from toy_task import ACT, ToyTask, caller, endings, new_job, work_of

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import in_force
from regard.domain.authority import Action
from regard.domain.jobs import Job, JobState
from regard.engine.jobs.endings import Endings
from regard.engine.jobs.queue import JobQueue
from regard.store.tables.jobs import job_results, jobs
from regard.store.tables.retention import erasure_receipts

pytestmark = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
PATIENCE = 60.0


def asked(safe: Safe, **request: object) -> Job:
    queue = JobQueue(safe.database, account_id="1", kept=timedelta(days=7), clock=safe.clock)
    with safe.gate.open(caller(), ACT) as grant:
        return queue.submit(grant, new_job(**request))


def ends_of(safe: Safe) -> Endings:
    ends = endings(safe.database)
    ends.clock = safe.clock
    return ends


def do(safe: Safe, most: int = 99, gate: Gate | None = None) -> None:
    ends = ends_of(safe)
    for _ in range(most):
        if claims := ends.claims.claim("w", 20):
            work_of(safe.database, ends, ToyTask(), gate or safe.gate)(claims)


def state(safe: Safe, job: Job) -> Job:
    found = endings(safe.database).jobs.get(job.id)
    assert found is not None
    return found


@pytest.mark.parametrize(("days", "kept"), [(None, 7), (2, 2), (30, 7)])
def test_what_jobs_found_is_erased_in_time_with_a_receipt(safe_under: MakeSafe, days: int | None, kept: int) -> None:
    safe = safe_under(ruled(retention={} if days is None else {"jobs_days": days}))
    job, other = asked(safe, chunks=2), asked(safe, chunks=3, name="b")
    safe.later(days=1)
    do(safe)
    assert state(safe, job).state is JobState.SUCCEEDED
    safe.later(days=kept, seconds=-1)
    assert safe.sweep() == {}
    safe.later(seconds=1)
    assert safe.sweep() == {"jobs": 2}
    assert safe.rows(jobs) == safe.rows(job_results) == []
    (receipt,) = safe.rows(erasure_receipts)
    assert sorted(receipt["facts"]["jobs"]) == sorted([job.id, other.id])


def test_a_job_that_has_not_ended_is_not_erased_however_old_it_is(safe_under: MakeSafe) -> None:
    safe = safe_under(ruled())
    asked(safe)
    safe.later(days=99)
    assert safe.sweep() == {}


def test_what_is_suspended_while_it_runs_stops_within_a_beat_and_is_erased(safe_under: MakeSafe) -> None:
    safe = safe_under(in_force("recorded"))
    job = asked(safe, chunks=3, seconds=PATIENCE)
    do(safe, 1)
    with safe.database.write() as connection:
        connection.execute(jobs.update().values(request={"chunks": 3, "seconds": 0}))
    do(safe, 1)
    assert len(safe.rows(job_results)) == 1
    with safe.database.write() as connection:
        connection.execute(jobs.update().values(request={"chunks": 3, "seconds": PATIENCE}))
    worker = threading.Thread(target=do, args=(safe, 1))
    worker.start()
    time.sleep(0.2)
    with safe.may(Action.ADMINISTER, operation="suspend") as grant:
        safe.suspensions.begin(grant, "everything", "", "a test of it")
    safe.later(seconds=2)
    worker.join(PATIENCE / 2)
    assert not worker.is_alive()
    failed = state(safe, job)
    assert failed.state is JobState.FAILED
    assert "has been suspended" in str(failed.message)
    assert safe.rows(job_results) == []
