from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from regard.index.embedded.query_batcher import QueryBatcher


class Work:
    """Doubles numbers once it may; keeps what it was asked, and how often it ran at a time."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may = threading.Event()
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        with self._lock:
            self.asked.append(list(numbers))
            self._now += 1
            self.most = max(self.most, self._now)
        self.may.wait(30)
        with self._lock:
            self._now -= 1
        if 13 in numbers:
            raise RuntimeError("unlucky")
        return [2 * number for number in numbers]


def until(condition) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def waiting(combiner: QueryBatcher[int, int]) -> int:
    return len(combiner._pending)


def test_one_who_is_alone_is_answered_at_once():
    work = Work()
    work.may.set()
    assert QueryBatcher(work, 8).answer(4) == 8
    assert work.asked == [[4]]


def test_those_who_come_meanwhile_are_worked_for_together():
    work = Work()
    combiner: QueryBatcher[int, int] = QueryBatcher(work, 64)
    with ThreadPoolExecutor(12) as pool:
        first = pool.submit(combiner.answer, 1)
        until(lambda: work.asked)
        others = [pool.submit(combiner.answer, number) for number in range(2, 12)]
        until(lambda: waiting(combiner) == 10)
        work.may.set()
        assert first.result(30) == 2
        assert [other.result(30) for other in others] == [2 * number for number in range(2, 12)]
    assert [len(asked) for asked in work.asked] == [1, 10]


def test_no_more_are_taken_together_than_may_be():
    work = Work()
    combiner: QueryBatcher[int, int] = QueryBatcher(work, 4)
    with ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(combiner.answer, 1)]
        until(lambda: work.asked)
        answers += [pool.submit(combiner.answer, number) for number in range(2, 12)]
        until(lambda: waiting(combiner) == 10)
        work.may.set()
        assert sorted(answer.result(30) for answer in answers) == [2 * number for number in range(1, 12)]
    assert [len(asked) for asked in work.asked] == [1, 4, 4, 2]


def test_lanes_work_at_a_time_and_share_those_who_wait():
    work = Work()
    combiner: QueryBatcher[int, int] = QueryBatcher(work, 64)
    with ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(combiner.answer, number, 2) for number in range(12)]
        until(lambda: waiting(combiner) == 10)
        assert [len(asked) for asked in work.asked] == [1, 1]
        work.may.set()
        assert [answer.result(30) for answer in answers] == [2 * number for number in range(12)]
    assert max(len(asked) for asked in work.asked) == 5  # half of those who waited
    assert work.most == 2
    assert combiner._working == 0


def test_an_error_reaches_all_whom_it_concerns_and_nobody_else():
    work = Work()
    combiner: QueryBatcher[int, int] = QueryBatcher(work, 3)
    with ThreadPoolExecutor(12) as pool:
        first = pool.submit(combiner.answer, 1)
        until(lambda: work.asked)
        others = []
        for number in (12, 13, 14, 15, 16):
            others.append(pool.submit(combiner.answer, number))
            until(lambda: waiting(combiner) == len(others))
        work.may.set()
        assert first.result(30) == 2
        for other in others[:3]:
            with pytest.raises(RuntimeError, match="unlucky"):
                other.result(30)
        assert [other.result(30) for other in others[3:]] == [30, 32]
    assert combiner.answer(5) == 10


def test_answers_that_are_too_few_are_an_error_for_all():
    combiner: QueryBatcher[int, int] = QueryBatcher(lambda numbers: [], 8)
    with pytest.raises(ValueError, match="shorter"):
        combiner.answer(1)


@pytest.mark.parametrize("lanes", [1, 3])
def test_fifty_threads_get_each_its_own_answer(lanes):
    lock, calls = threading.Lock(), []

    def work(numbers: Sequence[int]) -> list[int]:
        with lock:
            calls.append(len(numbers))
        if any(number % 101 == 7 for number in numbers):
            raise RuntimeError(f"one of {len(numbers)}")
        return [number + 1 for number in numbers]

    combiner: QueryBatcher[int, int] = QueryBatcher(work, 16)

    def ask(lane: int) -> int:
        failed = 0
        for number in range(lane * 100, lane * 100 + 100):
            try:
                assert combiner.answer(number, lanes) == number + 1
            except RuntimeError:
                failed += 1
        return failed

    with ThreadPoolExecutor(50) as pool:
        failed = sum(pool.map(ask, range(50), timeout=60))
    assert sum(calls) == 5000
    assert max(calls) <= 16
    assert failed >= sum(number % 101 == 7 for number in range(5000))
    assert (combiner._working, waiting(combiner)) == (0, 0)
