"""`regard jobs`: what there is to do, and what to do about it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cli_home import Person
from toy_task import ACT, ToyTask, caller, endings, new_job, now, work_of

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.jobs import Job
from regard.engine.jobs.announcer import Announcer
from regard.engine.jobs.deliveries import Deliveries
from regard.engine.jobs.queue import JobQueue
from regard.engine.jobs.webhook_target import WebhookTarget
from regard.store import database
from regard.store.outbox_rows import OutboxRows


def ask(user: Person, steps: int = 0, **request: object) -> Job:
    """A job in that home, of which so many steps are done."""
    opened = database.open(f"sqlite:///{user.home / 'regard.db'}")
    queue = JobQueue(opened, account_id="1", kept=timedelta(days=7), clock=now)
    with Gate(OPEN).open(caller(), ACT) as grant:
        job = queue.submit(grant, new_job(**request))
    ends = endings(opened, announcer=Announcer(webhooks=("http://127.0.0.1/hook?key=hidden",)))
    for _ in range(steps):
        work_of(opened, ends, ToyTask())(ends.claims.claim("w", 20))
    Deliveries(OutboxRows(opened), {"webhook": WebhookTarget(None)}, now).deliver()
    opened.close()
    return job


def test_jobs_are_listed_and_shown_with_their_chunks_and_deliveries(user: Person) -> None:
    assert "no such jobs" in user.run("jobs", "list").err
    failed = ask(user, steps=1, name="b.mp4", unreadable=True)
    job = ask(user, steps=2, chunks=4)
    listed = user.run("jobs", "list", "--json").json["Jobs"]
    assert [(each["JobId"], each["State"], each["Progress"]) for each in listed] == [
        (job.id, "IN_PROGRESS", 0.25),
        (failed.id, "FAILED", 0.0),
    ]
    assert [each["JobId"] for each in user.run("jobs", "list", "--state", "FAILED", "--json").json["Jobs"]] == [
        failed.id
    ]
    shown = user.run("jobs", "show", job.id[:8]).out
    assert "StartToy of videos/clip.mp4: IN_PROGRESS, 25% done." in shown
    assert "0:01:00" in shown
    told = user.run("jobs", "show", failed.id)
    assert "Unsupported codec/format" in told.out
    assert "Told by webhook at http://127.0.0.1/hook" in told.out
    assert "private_webhooks" in told.out
    assert "hidden" not in told.out


def test_a_job_is_paused_resumed_cancelled_and_retried(user: Person) -> None:
    job = ask(user, steps=2, chunks=4)
    for word, state in [("pause", "PAUSED"), ("resume", "QUEUED"), ("cancel", "CANCELLED"), ("retry", "QUEUED")]:
        said = user.run("jobs", word, job.id)
        assert (said.code, said.out) == (0, f"{job.id[:12]} is {state}.\n")
    assert user.run("jobs", "resume", job.id).code == 1
    assert "only one that failed or was cancelled" in user.run("jobs", "retry", job.id).err


def test_a_job_is_put_before_the_others_or_behind_them(user: Person) -> None:
    job = ask(user)
    for priority in ("10", "-3"):
        said = user.run("jobs", "priority", job.id, priority)
        assert (said.code, said.out) == (0, f"{job.id[:12]} has the priority {priority}.\n")
        assert user.run("jobs", "show", job.id, "--json").json["Priority"] == int(priority)
    assert user.run("jobs", "priority", job.id, "101").code == 2
    user.run("jobs", "cancel", job.id)
    assert "has ended already" in user.run("jobs", "priority", job.id, "1").err


@pytest.mark.parametrize("job", ["ab", "0" * 64, "%", "____"])
def test_a_job_that_there_is_not_is_said_to_be_none(user: Person, job: str) -> None:
    ask(user)
    said = user.run("jobs", "show", job)
    assert (said.code, said.out) == (1, "")
    assert f"There is no job {job}." in said.err
