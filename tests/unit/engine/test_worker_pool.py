"""The worker_pool, with real processes that end in the middle of things."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import odd_workers
import pytest

from regard.engine.analysis.photo_batches import File, Finding, PhotoAnalyzer, Skipped
from regard.engine.work.worker_pool import Task, WorkerPool
from regard.engine.work.worker_process import WorkerProcess
from regard.errors import InternalServerError, ModelUnavailable


def files(*paths: str | Path) -> list[File]:
    return [File(path=str(path)) for path in paths]


def processes(count: int = 2, prepare: Callable[[], PhotoAnalyzer] = odd_workers.prepare) -> WorkerPool:
    return WorkerPool(partial(WorkerProcess, prepare), count)


def seen(findings: Sequence[Finding]) -> list[str]:
    """The paths that were seen, and the reason of those that were not."""
    skipped = [each for each in findings if isinstance(each, Skipped)]
    return [each.detail.split(" by ")[0] if each.reason == "seen" else each.reason for each in skipped]


def by(finding: Finding) -> int:
    assert isinstance(finding, Skipped)
    return int(finding.detail.rsplit(" ", 1)[1])


class Hand:
    """A worker in this process that is as slow as a task's first file says."""

    def ready(self) -> None: ...

    def __call__(self, task: Task) -> list[Finding]:
        time.sleep(float(task[0].path))
        return [Skipped(reason="seen", detail=f"{task[0].path} by 0")]

    def end(self) -> None: ...


def test_results_come_in_the_order_of_the_tasks_whoever_is_first() -> None:
    delays = ["0.2", "0", "0.05", "0", "0.1", "0"]
    with WorkerPool(Hand, 3) as worker_pool:
        found = list(worker_pool.run([files(delay) for delay in delays]))
    assert [seen(each) for each in found] == [[delay] for delay in delays]


def test_no_more_tasks_are_begun_than_a_few_for_each_worker() -> None:
    begun = []

    def tasks() -> Iterator[Task]:
        for number in range(100):
            begun.append(number)
            yield files("0")

    with WorkerPool(Hand, 2) as worker_pool:
        run = worker_pool.run(tasks())
        next(run)
        assert len(begun) <= 8


def test_processes_share_the_work_and_are_gone_afterwards() -> None:
    with processes() as worker_pool:
        results = list(worker_pool.run([files("a", "b"), [], *[files(str(number)) for number in range(20)]]))
    assert [seen(each) for each in results] == [["a", "b"], [], *[[str(number)] for number in range(20)]]
    workers = {by(each) for found in results for each in found}
    assert len(workers) == 2
    assert os.getpid() not in workers
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_a_task_whose_worker_is_killed_is_done_by_another(tmp_path: Path) -> None:
    with processes() as worker_pool:
        results = list(worker_pool.run([files("a"), files("b", tmp_path / "once", "c"), files("d"), files("e")]))
    assert [seen(each) for each in results] == [["a"], ["b", str(tmp_path / "once"), "c"], ["d"], ["e"]]


def test_a_file_that_kills_its_worker_again_is_skipped_and_costs_no_other() -> None:
    with processes() as worker_pool:
        results = list(worker_pool.run([files("a", "kill", "b"), files("c"), files("kill"), files("d")]))
    assert [seen(each) for each in results] == [["a", "cannot be analysed", "b"], ["c"], ["cannot be analysed"], ["d"]]
    [killed] = [each for each in results[2] if isinstance(each, Skipped)]
    assert "Signal 9 ended it" in killed.detail
    assert not killed.lasting  # it may have been somebody else's doing: the next run tries it again


def test_what_concerns_every_task_stops_the_work() -> None:
    with processes() as worker_pool, pytest.raises(ModelUnavailable, match="the model is gone"):
        list(worker_pool.run([files("a"), files("fault"), files("b")]))


def test_workers_that_cannot_begin_are_an_error_in_words() -> None:
    with pytest.raises(ModelUnavailable, match="is missing"), processes(2, odd_workers.prepare_without_models):
        pass
    with (
        pytest.raises(InternalServerError, match="before it could begin"),
        processes(1, odd_workers.prepare_broken),
    ):
        pass


def test_the_work_goes_on_without_a_worker_that_could_not_begin(caplog: pytest.LogCaptureFixture) -> None:
    prepares = iter([odd_workers.prepare_broken, odd_workers.prepare])
    with WorkerPool(lambda: WorkerProcess(next(prepares)), 2) as worker_pool:
        assert [seen(each) for each in worker_pool.run([files("a"), files("b")])] == [["a"], ["b"]]
    assert "one worker less" in caplog.text


def test_the_end_does_not_wait_for_what_is_under_way() -> None:
    began = time.monotonic()
    with processes(1) as worker_pool:
        run = worker_pool.run([files("a"), files("slow")])
        next(run)
    assert time.monotonic() - began < 20
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(("wait", "hire"))]
