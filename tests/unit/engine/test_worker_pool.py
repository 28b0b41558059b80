"""The worker pool, with real processes that end in the middle of things."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import odd_workers
import pytest
from odd_workers import OddProcessor, Seen

from regard.engine.work.this_process import ThisProcess
from regard.engine.work.worker_pool import Worker, WorkerPool
from regard.engine.work.worker_process import WorkerProcess
from regard.errors import InternalServerError, ModelUnavailable


def lost(item: str, why: str) -> Seen:
    return Seen(item, lost=why)


def pool(start: Callable[[], Worker[str, Seen]], count: int) -> WorkerPool[str, Seen]:
    return WorkerPool(start, count, lost=lost)


def processes(count: int = 2, prepare: Callable[[], OddProcessor] = odd_workers.prepare) -> WorkerPool[str, Seen]:
    return pool(partial(WorkerProcess, prepare), count)


def items(results: Iterable[Sequence[Seen]]) -> list[list[str]]:
    """What was done, batch by batch; "lost" for what was not."""
    return [["lost" if each.lost else each.item for each in batch] for batch in results]


class SlowThread:
    """A worker in this process that takes as many seconds as a batch's first item says."""

    def wait_until_ready(self) -> None: ...

    def __call__(self, batch: Sequence[str], /) -> list[Seen]:
        time.sleep(float(batch[0]))
        return [Seen(batch[0])]

    def end(self) -> None: ...


def test_results_come_in_the_order_of_the_batches_whichever_is_done_first() -> None:
    delays = ["0.2", "0", "0.05", "0", "0.1", "0"]
    with pool(SlowThread, 3) as worker_pool:
        found = list(worker_pool.run([[delay] for delay in delays]))
    assert items(found) == [[delay] for delay in delays]


def test_no_more_batches_are_begun_than_a_few_for_each_worker() -> None:
    begun = []

    def batches() -> Iterator[list[str]]:
        for number in range(100):
            begun.append(number)
            yield ["0"]

    with pool(SlowThread, 2) as worker_pool:
        run = worker_pool.run(batches())
        next(run)
        assert len(begun) <= 8


def test_processes_share_the_work_and_are_gone_afterwards() -> None:
    with processes() as worker_pool:
        results = list(worker_pool.run([["a", "b"], [], *[[str(number)] for number in range(20)]]))
    assert items(results) == [["a", "b"], [], *[[str(number)] for number in range(20)]]
    workers = {each.pid for found in results for each in found}
    assert len(workers) == 2
    assert os.getpid() not in workers
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_threads_of_this_process_are_workers_too() -> None:
    with pool(lambda: ThisProcess(OddProcessor()), 2) as worker_pool:
        results = list(worker_pool.run([["a", "b"], ["c"]]))
    assert items(results) == [["a", "b"], ["c"]]
    assert {each.pid for found in results for each in found} == {os.getpid()}


def test_a_batch_whose_worker_is_killed_is_done_by_another(tmp_path: Path) -> None:
    once = str(tmp_path / "once")
    with processes() as worker_pool:
        results = list(worker_pool.run([["a"], ["b", once, "c"], ["d"], ["e"]]))
    assert items(results) == [["a"], ["b", once, "c"], ["d"], ["e"]]


def test_an_item_that_kills_its_worker_again_is_lost_and_costs_no_other() -> None:
    with processes() as worker_pool:
        results = list(worker_pool.run([["a", "kill", "b"], ["c"], ["kill"], ["d"]]))
    assert items(results) == [["a", "lost", "b"], ["c"], ["lost"], ["d"]]
    [killed] = results[2]
    assert killed.item == "kill"
    assert "Signal 9 ended it" in killed.lost


def test_what_concerns_every_batch_stops_the_work() -> None:
    with processes() as worker_pool, pytest.raises(ModelUnavailable, match="the model is gone"):
        list(worker_pool.run([["a"], ["fault"], ["b"]]))


def test_a_pool_whose_work_was_stopped_by_an_error_does_other_work() -> None:
    with processes(1) as worker_pool:
        with pytest.raises(ModelUnavailable):
            list(worker_pool.run([["fault"], ["fault"], ["fault"]]))
        assert items(worker_pool.run([["a"], ["b"]])) == [["a"], ["b"]]


def test_batches_that_nobody_waits_for_any_more_are_not_done() -> None:
    with pool(SlowThread, 1) as worker_pool:
        abandoned = worker_pool.run([["0"], ["0.3"], ["30"], ["30"]])
        next(abandoned)
        abandoned.close()
        began = time.monotonic()
        assert items(worker_pool.run([["0"]])) == [["0"]]
    assert time.monotonic() - began < 20


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
    with pool(lambda: WorkerProcess(next(prepares)), 2) as worker_pool:
        assert items(worker_pool.run([["a"], ["b"]])) == [["a"], ["b"]]
    assert "A worker could not be started; the others continue. Signal 9 ended it." in caplog.text


def test_a_machine_without_room_for_a_process_does_with_fewer_or_says_so(caplog: pytest.LogCaptureFixture) -> None:
    full = [BlockingIOError("Resource temporarily unavailable")]

    def start() -> Worker[str, Seen]:
        if full:
            raise full.pop()
        return ThisProcess(OddProcessor())

    with pool(start, 2) as worker_pool:
        assert items(worker_pool.run([["a"], ["b"]])) == [["a"], ["b"]]
    assert "the others continue. Resource temporarily unavailable" in caplog.text
    full.append(BlockingIOError("Resource temporarily unavailable"))
    with pytest.raises(InternalServerError, match=r"before it could begin\. Resource temp"), pool(start, 1):
        pass


def test_a_fault_that_nobody_foresaw_is_raised_and_not_waited_for() -> None:
    def start() -> Worker[str, Seen]:
        raise ValueError("a mistake of ours")

    with pytest.raises(ValueError, match="a mistake of ours"), pool(start, 2):
        pass


def test_the_end_does_not_wait_for_what_is_under_way() -> None:
    began = time.monotonic()
    with processes(1) as worker_pool:
        run = worker_pool.run([["a"], ["slow"]])
        next(run)
    assert time.monotonic() - began < 20
    assert not [each.name for each in threading.enumerate() if each.name.startswith(("start-worker", "call-worker"))]
