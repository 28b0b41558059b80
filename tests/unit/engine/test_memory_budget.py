from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from regard.engine.analysis.memory_budget import MemoryBudget, TooLargeForMemory
from regard.errors import ImageTooLarge, Throttling

LONG = 60.0


class Takers:
    """Threads that each take some of a budget and keep it until they are told to let go."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget = budget
        self.order: list[str] = []
        self._threads: dict[str, tuple[threading.Thread, threading.Event]] = {}

    def start(self, name: str, size: float) -> None:
        """Returns once it holds what it wants, or waits for it."""
        free = threading.Event()

        def run() -> None:
            with self.budget.hold(size):
                self.order.append(name)
                free.wait(LONG)

        thread = threading.Thread(target=run)
        self._threads[name] = thread, free
        queued = len(self.budget._waiting)
        thread.start()
        self.until(lambda: name in self.order or len(self.budget._waiting) > queued)

    def stop(self, name: str) -> None:
        thread, free = self._threads.pop(name)
        free.set()
        thread.join(LONG)

    def until(self, holds: object) -> None:
        deadline = time.monotonic() + LONG
        while not holds():  # type: ignore[operator]
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def end(self) -> None:
        for _, free in self._threads.values():
            free.set()
        for thread, _ in self._threads.values():
            thread.join(LONG)


@contextmanager
def takers(total: float, *, passing: float = LONG, patience: float = LONG) -> Iterator[Takers]:
    found = Takers(MemoryBudget(total, patience=patience, passing=passing))
    try:
        yield found
    finally:
        found.end()
    assert found.budget.used == 0


def test_no_more_is_held_than_there_is_and_the_rest_wait_their_turn() -> None:
    with takers(100, passing=0) as each:
        for name in ("a", "b", "c", "d"):
            each.start(name, 60)
        assert each.order == ["a"]
        for held, following in (("a", "b"), ("b", "c"), ("c", "d")):
            each.stop(held)
            each.until(lambda following=following: following in each.order)
            assert each.budget.used == 60
        assert each.order == ["a", "b", "c", "d"]


def test_a_small_one_passes_a_large_one_that_waits_if_it_fits() -> None:
    with takers(100) as each:
        each.start("first", 70)
        each.start("large", 50)
        each.start("small", 20)
        assert each.order == ["first", "small"]
        each.start("also small", 20)
        assert each.order == ["first", "small"]


def test_nobody_passes_one_that_has_waited_for_long() -> None:
    with takers(100, passing=0) as each:
        each.start("first", 70)
        each.start("large", 100)
        each.start("small", 20)
        assert each.order == ["first"]
        each.stop("first")
        each.until(lambda: "large" in each.order)
        assert each.order == ["first", "large"]


def test_who_has_waited_too_long_is_told_to_come_back_and_holds_up_nobody() -> None:
    budget = MemoryBudget(100, patience=0.05)
    with budget.hold(80):
        with pytest.raises(Throttling, match="fill this server's memory"):
            budget.take(30)
        with budget.hold(20):
            assert budget.used == 100
    assert budget.used == 0


def test_one_that_never_fits_is_refused_at_once() -> None:
    budget = MemoryBudget(100e6)
    begun = time.monotonic()
    with pytest.raises(TooLargeForMemory, match="takes 101 MB; all pictures together may take 100 MB here") as told:
        budget.take(100_000_001)
    assert isinstance(told.value, ImageTooLarge)
    assert time.monotonic() - begun < LONG
    with budget.hold(100e6):
        assert not budget.try_take(1)


def test_memory_is_given_back_whatever_happens_while_it_is_held() -> None:
    budget = MemoryBudget(100)
    with pytest.raises(ZeroDivisionError), budget.hold(60):
        raise ZeroDivisionError
    assert budget.try_take(100)
    budget.release(100)


def test_room_is_made_before_much_is_taken_and_not_for_little() -> None:
    made = []
    budget = MemoryBudget(100, make_room=lambda: made.append(1))
    with budget.hold(50):
        assert made == []
    with budget.hold(51):
        assert made == [1]


def test_many_threads_take_and_give_back_without_ever_exceeding_it() -> None:
    budget, peaks = MemoryBudget(100, passing=0.001), []

    def work(seed: int) -> None:
        for turn in range(50):
            with budget.hold(1 + (seed * 37 + turn * 13) % 100):
                peaks.append(budget.used)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(LONG)
    assert len(peaks) == 400
    assert max(peaks) <= 100
    assert budget.used == 0


def test_memory_that_shrinks_is_for_those_who_come_later_and_the_least_is_left() -> None:
    memory = MemoryBudget(10, least=4)
    with memory.hold(8):
        memory.shrink(3)  # waits for nobody
        assert memory.total == 7
        assert not memory.try_take(1)
    with pytest.raises(TooLargeForMemory):
        memory.check(8)
    memory.shrink(100)
    assert memory.total == 4
    assert MemoryBudget(3, least=4).total == 3
