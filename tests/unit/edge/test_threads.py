from __future__ import annotations

import asyncio
import threading
import time

import pytest

from regard.edge.threads import Threads


async def call(threads: Threads, work: object) -> object:
    async with threads.turn() as turn:
        return await turn.run(work)  # type: ignore[arg-type]


def test_a_call_runs_in_another_thread_and_returns_what_it_returns() -> None:
    name = asyncio.run(call(Threads(1, lambda _: None), lambda: threading.current_thread().name))
    assert name != threading.current_thread().name


def test_what_a_call_raises_comes_back_and_its_turn_is_free_again() -> None:
    async def work() -> object:
        threads = Threads(1, lambda _: None)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await call(threads, lambda: 1 // 0)
        return await asyncio.wait_for(call(threads, lambda: "done"), 5)

    assert asyncio.run(work()) == "done"


def test_no_more_calls_run_at_once_than_there_are_turns_and_those_that_wait_are_counted() -> None:
    counts: list[int] = []
    running, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    async def crowd() -> None:
        threads = Threads(2, counts.append)
        await asyncio.gather(*(call(threads, work) for _ in range(7)))

    asyncio.run(crowd())
    assert most == 2
    assert counts[-6:] == [5, 4, 3, 2, 1, 0]


def test_a_turn_says_how_long_it_was_waited_for() -> None:
    async def work() -> list[float]:
        threads, waited = Threads(1, lambda _: None), []

        async def one() -> None:
            async with threads.turn() as turn:
                waited.append(turn.waited)
                await turn.run(lambda: time.sleep(0.1))

        await asyncio.gather(one(), one(), one())
        return waited

    first, second, third = asyncio.run(work())
    assert first < 0.05
    assert 0.09 < second < third
    assert third > 0.19


def test_whatever_gives_up_waiting_is_no_longer_counted_and_takes_no_turn() -> None:
    counts: list[int] = []

    async def work() -> object:
        threads, release = Threads(1, counts.append), threading.Event()
        first = asyncio.create_task(call(threads, lambda: release.wait(5)))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(call(threads, lambda: "never"))
        await asyncio.sleep(0.05)
        assert counts[-1] == 1
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert counts[-1] == 0
        release.set()
        await first
        return await asyncio.wait_for(call(threads, lambda: "next"), 5)

    assert asyncio.run(work()) == "next"
