"""Jobs from the asking to the answer, in one process: what is done once, shared, stopped, tried again and erased."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from stores import Store
from toy_task import ACT, LENGTH, TOY, ToyTask, caller, endings, new_job, now, work_of

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.authority import Act
from regard.domain.jobs import Job, JobState
from regard.engine.jobs.chunk_work import ChunkWork
from regard.engine.jobs.queue import JobQueue
from regard.errors import AccessDenied, ExpiredToken, LimitExceeded, ResourceNotFound
from regard.store.claim_rows import Claim
from regard.store.job_rows import ACTIVE
from regard.store.result_bodies import ItemPage


@dataclass
class Workshop:
    """A database with jobs, and a worker that does one chunk at a time when it is told to."""

    store: Store
    gate: Gate = field(default_factory=lambda: Gate(OPEN))
    task: ToyTask = field(default_factory=ToyTask)
    owner: str = "w1"

    def __post_init__(self) -> None:
        self.endings = endings(self.store.database)
        self.claims = self.endings.claims
        self.queue = JobQueue(self.store.database, account_id="1", kept=timedelta(days=7), clock=now)

    def submit(self, key: str = "A", act: Act = ACT, name: str = "clip.mp4", priority: int = 0, **request: Any) -> Job:
        with self.gate.open(caller(key), act) as grant:
            return self.queue.submit(grant, replace(new_job(name, **request), priority=priority))

    def get(self, job: Job, key: str = "A", kind: str = TOY) -> Job:
        with self.gate.open(caller(key), ACT) as grant:
            return self.queue.get(grant, job.id, kind)

    def claim(self, owner: str = "") -> list[Claim]:
        return self.claims.claim(owner or self.owner, 20)

    def step(self) -> list[Claim]:
        """Do the next chunk."""
        claims = self.claim()
        work_of(self.store.database, self.endings, self.task, self.gate)(claims)
        return claims

    def run(self) -> None:
        while self.step():
            pass

    def found(self, job: Job, ordering: str = "TIMESTAMP", most: int = 1000) -> list[int]:
        found: list[int] = []
        page = ItemPage(more=True)
        with self.gate.open(caller(), ACT) as grant:
            while page.more:
                page = self.queue.page(grant, self.get(job), ordering, page.last, most)
                found += [shape["Timestamp"] for shape in page.shapes()]
        return found


@pytest.fixture
def shop(store: Store) -> Workshop:
    return Workshop(store)


def expected(chunks: int, items: int) -> list[int]:
    return [chunk * LENGTH + at for chunk in range(chunks) for at in range(items)]


def test_a_job_is_planned_done_chunk_by_chunk_and_finished(shop: Workshop) -> None:
    job = shop.submit(chunks=3, items=4)
    assert (job.state, shop.get(job).progress) == (JobState.QUEUED, 0.0)
    steps = []
    while claims := shop.step():
        steps.append((claims[0].step, claims[0].chunk.number))
        if len(steps) == 3:
            assert shop.get(job).progress == pytest.approx(2 / 3)
    assert steps == [("plan", -1), ("run", 0), ("run", 1), ("run", 2), ("finish", 3)]
    done = shop.get(job)
    assert (done.state, done.progress, done.metadata) == (JobState.SUCCEEDED, 1.0, {"Codec": "toy"})
    assert shop.found(job) == expected(3, 4)


@pytest.mark.parametrize("most", [1, 7, 1000, 5000])
@pytest.mark.slow
def test_every_order_is_cut_into_pages_without_a_gap(shop: Workshop, most: int) -> None:
    job = shop.submit(chunks=2, items=1200)
    shop.run()
    whole = expected(2, 1200)
    if most == 1:
        with shop.gate.open(caller(), ACT) as grant:
            page = shop.queue.page(grant, shop.get(job), "NAME", 2398, 1)
        assert (len(page.items), page.last, page.more) == (1, 2399, True)
        return
    assert shop.found(job, most=most) == whole
    assert shop.found(job, "NAME", most) == sorted(whole, key=lambda at: (f"n{at % 7}", at))


def test_chunks_in_order_hand_on_what_the_next_begins_with(shop: Workshop) -> None:
    job = shop.submit(chunks=3, items=2, in_order=True)
    shop.step()
    held = shop.claim("w1")
    assert shop.claim("w2") == []  # the second chunk waits for the first
    work_of(shop.store.database, shop.endings, shop.task)(held)
    assert shop.claim("w2")[0].chunk.resume == {"seen": 2}
    assert shop.claim("w3") == []
    assert shop.get(job).progress == pytest.approx(1 / 3)


def test_jobs_on_the_same_object_share_each_pass(shop: Workshop) -> None:
    jobs = [shop.submit(chunks=3) for _ in range(5)]
    shop.submit(name="other.mp4", chunks=3)
    shop.run()
    shared = [one for one in shop.task.passes if len(one) == 5]
    assert [sorted({number for _, number in one}) for one in shared] == [[0], [1], [2]]
    assert all(shop.found(job) == expected(3, 3) for job in jobs)


def test_two_workers_never_have_the_same_chunk(shop: Workshop) -> None:
    shop.submit(chunks=2)
    shop.step()
    first, second = shop.claim("w1"), shop.claim("w2")
    assert [first[0].chunk.number, second[0].chunk.number] == [0, 1]
    assert shop.claim("w3") == []


def test_who_has_lost_the_lease_can_store_nothing(shop: Workshop) -> None:
    job = shop.submit(chunks=1, items=2)
    shop.step()
    shop.claims.lease = timedelta(seconds=-1)  # it lapses at once
    late = shop.claim("late")
    shop.claims.lease = timedelta(seconds=30)
    again = shop.claim("again")
    assert (late[0].chunk.attempt, again[0].chunk.attempt, again[0].lost) == (1, 2, 1)
    work = work_of(shop.store.database, shop.endings, shop.task, shop.gate)
    work(late)
    assert shop.get(job).progress == 0.0
    work(again)
    work(again)  # and not twice either
    shop.run()
    assert shop.found(job) == expected(1, 2)


def test_jobs_whose_worker_was_ended_share_a_look_again_after_the_chunk_it_happened_in(shop: Workshop) -> None:
    jobs = {shop.submit(key, chunks=3).id for key in ("A", "B")}
    shop.step()
    shop.step()
    for claim in (doomed := shop.claim()):
        shop.claims.ended_its_worker(claim)
    assert [claim.chunk.number for claim in doomed] == [0, 0]
    alone = [shop.claim("w1"), shop.claim("w2")]
    assert [[(claim.chunk.number, claim.alone) for claim in claims] for claims in alone] == [[(0, True)]] * 2
    for claims in alone:
        work_of(shop.store.database, shop.endings, shop.task, shop.gate)(claims)
    together = shop.step()
    assert [(claim.chunk.number, claim.alone) for claim in together] == [(1, False)] * 2
    assert {claim.job.id for claim in together} == jobs


def test_a_job_stays_alone_while_another_chunk_of_it_has_ended_its_worker(shop: Workshop) -> None:
    shop.submit(chunks=3)
    shop.step()
    for claim in [*shop.claim("w1"), *shop.claim("w2")]:
        shop.claims.ended_its_worker(claim)
    told = [(claim.chunk.number, claim.alone) for _ in range(3) for claim in shop.step()]
    assert told == [(0, True), (1, True), (2, False)]


def test_a_lease_of_before_the_clock_was_set_back_is_lost(shop: Workshop) -> None:
    shop.submit(chunks=1)
    shop.claims.lease = timedelta(hours=2)
    assert len(shop.claim("gone")) == 1
    shop.claims.lease = timedelta(seconds=30)
    assert len(shop.claim("w2")) == 1


@pytest.mark.parametrize("state", ["waiting", "planned", "begun"])
def test_a_job_is_cancelled_in_whatever_state_it_is_and_leaves_nothing(shop: Workshop, state: str) -> None:
    job = shop.submit(chunks=3)
    for _ in range({"waiting": 0, "planned": 1, "begun": 2}[state]):
        shop.step()
    held = shop.claim()
    assert shop.endings.cancel(shop.get(job))
    assert not shop.endings.cancel(job)
    assert shop.get(job).state is JobState.CANCELLED
    work_of(shop.store.database, shop.endings, shop.task, shop.gate)(held)
    assert shop.claim() == []
    assert shop.found(job) == []
    with shop.store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM job_results").scalar_one() == 0


def test_what_runs_is_stopped_by_its_beat_when_it_is_cancelled(shop: Workshop) -> None:
    job = shop.submit(chunks=1, seconds=60)
    shop.step()
    held = shop.claim()
    shop.endings.cancel(job)
    work_of(shop.store.database, shop.endings, shop.task, shop.gate)(held)  # would take a minute
    assert shop.get(job).state is JobState.CANCELLED


def test_a_fault_that_may_pass_is_tried_again_and_three_times_are_enough(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regard.engine.jobs.chunk_work._WAITS", (timedelta(), timedelta()))
    mended = shop.submit(chunks=2, flaky=1, failures=2, name="a")
    lost = shop.submit(chunks=2, flaky=1, failures=3, name="b")
    shop.run()
    assert shop.get(mended).state is JobState.SUCCEEDED
    assert shop.found(mended) == expected(2, 3)
    failed = shop.get(lost)
    assert (failed.state, failed.message) == (
        JobState.FAILED,
        "It failed 3 times. The S3 store did not deliver the object.",
    )


def test_a_fault_of_the_object_fails_the_job_at_once_and_no_other_that_shares_the_pass(shop: Workshop) -> None:
    good, bad, worse = shop.submit(chunks=2), shop.submit(chunks=2, broken=1), shop.submit(unreadable=True)
    shop.run()
    assert shop.get(good).state is JobState.SUCCEEDED
    assert shop.get(bad).message == "More than half of its pictures are damaged"
    assert (shop.get(worse).state, shop.get(worse).message) == (JobState.FAILED, "Unsupported codec/format")


def test_an_ending_may_fail_the_job(shop: Workshop) -> None:
    job = shop.submit(chunks=2, items=3, most=5)
    shop.run()
    assert shop.get(job).message == "Too many pictures"


def test_the_21st_job_is_refused_in_amazons_words_until_one_has_ended(shop: Workshop) -> None:
    jobs = [shop.submit() for _ in range(20)]
    with pytest.raises(LimitExceeded) as refused:
        shop.submit()
    assert refused.value.message == "20 open Jobs for User arn:aws:iam::1:user/user A Maximum limit: 20"
    shop.submit("B")
    shop.endings.cancel(jobs[3])
    shop.submit()


def test_a_job_is_nobody_elses_and_of_one_kind(shop: Workshop) -> None:
    job = shop.submit()
    for key, kind in [("B", TOY), ("A", "OTHER")]:
        with pytest.raises(ResourceNotFound):
            shop.get(job, key, kind)


def test_a_job_whose_time_is_over_is_not_found_before_it_is_erased(shop: Workshop) -> None:
    job = shop.submit()
    shop.run()
    later = now() + timedelta(days=7, seconds=1)
    queue = JobQueue(shop.store.database, account_id="1", kept=timedelta(days=7), clock=lambda: later)
    with shop.gate.open(caller(), ACT) as grant:
        assert [each.id for each in shop.queue.mine(grant, TOY, 10)] == [job.id]
        with pytest.raises(ResourceNotFound, match="Could not find JobId"):
            queue.get(grant, job.id, TOY)
        assert queue.mine(grant, TOY, 10) == []


def test_principals_take_turns_and_a_higher_priority_goes_first(shop: Workshop) -> None:
    mine = [shop.submit("A", name=f"a{number}") for number in range(3)]
    theirs = shop.submit("B", name="b")
    urgent = shop.submit("A", name="u", priority=1)
    order = [shop.step()[0].job.id for _ in range(8)]
    assert order[:3] == [urgent.id] * 3
    assert theirs.id in order[3:5]
    assert mine[0].id in order[3:5]


def test_what_the_gate_refuses_by_then_fails_the_job_and_erases_what_it_found(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = shop.submit(chunks=2)
    shop.step()
    shop.step()

    def refuse(*_: object, **__: object) -> None:
        raise AccessDenied("StartToy is refused: the authorisation has ended.")

    with monkeypatch.context() as patched:
        patched.setattr(Gate, "open", refuse)
        shop.run()
    failed = shop.get(job)
    assert (failed.state, failed.message) == (JobState.FAILED, "StartToy is refused: the authorisation has ended.")
    with shop.store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM job_results").scalar_one() == 0


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_what_the_gate_refuses_in_the_middle_of_a_chunk_stops_it_and_erases_what_it_found(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    job = shop.submit(chunks=2, seconds=seconds)
    shop.step()
    held = shop.claim()

    def refuse(*_: object) -> None:
        raise ExpiredToken("The authorisation has ended.")

    with monkeypatch.context() as patched:
        patched.setattr(Gate, "check", refuse)
        work_of(shop.store.database, shop.endings, shop.task, shop.gate)(
            held
        )  # would take a minute, or is done at once
    failed = shop.get(job)
    assert (failed.state, failed.message) == (JobState.FAILED, "The authorisation has ended.")
    with shop.store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM job_results").scalar_one() == 0


def test_a_job_that_failed_goes_on_where_it_was_when_it_is_tried_again(shop: Workshop) -> None:
    job = shop.submit(chunks=3, broken=2)
    shop.run()
    before = len(shop.task.passes)
    assert shop.endings.jobs.retry(job.id)
    shop.run()
    assert len(shop.task.passes) == before + 1
    assert not shop.endings.jobs.retry(shop.submit().id)


def test_a_job_that_is_paused_rests_and_goes_on_from_what_is_done(shop: Workshop) -> None:
    job = shop.submit(chunks=2)
    shop.step()
    shop.step()
    held = shop.claim()
    assert shop.endings.jobs.change(job.id, ACTIVE, JobState.PAUSED)
    work_of(shop.store.database, shop.endings, shop.task)(held)
    assert shop.claim() == []
    assert shop.get(job).progress == pytest.approx(0.5)
    assert shop.endings.jobs.change(job.id, [JobState.PAUSED], JobState.QUEUED)
    shop.run()
    assert shop.found(job) == expected(2, 3)


def test_jobs_of_two_tasks_on_one_object_are_each_done_by_their_own(shop: Workshop) -> None:
    other = ToyTask()
    with shop.gate.open(caller(), ACT) as grant:
        jobs = [shop.queue.submit(grant, new_job(kind=kind, chunks=2)) for kind in (TOY, "OTHER", "UNKNOWN")]
    work = ChunkWork({TOY: shop.task, "OTHER": other}, shop.gate, shop.store.database, shop.endings, beat_seconds=0.0)
    while claims := shop.claim():
        work(claims)
    found = [shop.endings.jobs.get(job.id) for job in jobs]
    assert [each and each.state for each in found] == [JobState.SUCCEEDED, JobState.SUCCEEDED, JobState.FAILED]
    assert {job_id for one in other.passes for job_id, _ in one} == {jobs[1].id}
