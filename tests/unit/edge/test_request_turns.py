from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from regard.edge.turns import Bid, ClientGone, Lane, Turns
from regard.errors import ServiceUnavailable, SettingsError, Throttling


async def stays() -> None:
    await asyncio.sleep(60)


def bid(
    caller: str = "ada", lane: Lane = Lane.MODEL, size: int = 1, gone: Callable[[], Awaitable[None]] = stays
) -> Bid:
    return Bid(caller=caller, lane=lane, size=size, gone=gone)


async def call(turns: Turns, work: Callable[[], Any], bid: Bid) -> Any:
    async with turns.turn(bid) as turn:
        return await turn.run(work)


class Hold:
    """Fills the threads of a lane until it is let go; then what waits runs one after the other, and `order` tells."""

    def __init__(self, turns: Turns, count: int = 1, lane: Lane = Lane.MODEL) -> None:
        self.turns = turns
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self._go = threading.Event()
        self._held = [asyncio.ensure_future(call(turns, self._wait, bid("holder", lane))) for _ in range(count)]

    def _wait(self) -> None:
        self._go.wait(10)

    async def join(self, *callers: str, lane: Lane = Lane.MODEL, size: int = 1, seconds: float = 0.0) -> None:
        """Let these wait, one after the other."""
        for caller in callers:
            self.tasks.append(asyncio.ensure_future(self._one(caller, lane, size, seconds)))
            await asyncio.sleep(0.01)

    async def _one(self, caller: str, lane: Lane, size: int, seconds: float) -> None:
        def work() -> None:
            self.order.append(caller)
            time.sleep(seconds)

        await call(self.turns, work, bid(caller, lane, size))

    async def let_go(self) -> list[Any]:
        """What became of each who joined: None, or its error."""
        self._go.set()
        await asyncio.gather(*self._held)
        return await asyncio.gather(*self.tasks, return_exceptions=True)


def one_thread(**bounds: float) -> Turns:
    return Turns(dict.fromkeys(Lane, 1), **bounds)


# -- a turn --------------------------------------------------------------------------------------------------------


def test_a_call_runs_in_another_thread_and_returns_what_it_returns() -> None:
    name = asyncio.run(call(Turns.of(1), lambda: threading.current_thread().name, bid()))
    assert name != threading.current_thread().name


def test_what_a_call_raises_comes_back_and_its_turn_is_free_again() -> None:
    async def work() -> object:
        turns = Turns.of(1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await call(turns, lambda: 1 // 0, bid())
        return await asyncio.wait_for(call(turns, lambda: "done", bid()), 5)

    assert asyncio.run(work()) == "done"


def test_no_more_calls_run_at_once_than_there_are_threads_and_those_that_wait_are_counted() -> None:
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
        turns = Turns.of(2)
        turns.report_to(counts.append)
        await asyncio.gather(*(call(turns, work, bid(caller)) for caller in [*["ada"] * 3, *["grace"] * 4]))
        assert turns.waiting == 0

    asyncio.run(crowd())
    assert most == 2
    assert (max(counts), counts[-1]) == (5, 0)


def test_a_turn_says_how_long_it_was_waited_for() -> None:
    async def work() -> list[float]:
        turns, waited = Turns.of(1), []

        async def one() -> None:
            async with turns.turn(bid()) as turn:
                waited.append(turn.waited)
                await turn.run(lambda: time.sleep(0.1))

        await asyncio.gather(one(), one(), one())
        return waited

    first, second, third = asyncio.run(work())
    assert first < 0.05
    assert 0.09 < second < third
    assert third > 0.19


# -- whose turn it is ----------------------------------------------------------------------------------------------


def test_callers_take_turns_however_many_requests_one_of_them_has() -> None:
    async def crowd() -> list[str]:
        hold = Hold(one_thread())
        await hold.join(*["ada"] * 6, "grace", "alan", "grace", seconds=0.02)
        await hold.let_go()
        return hold.order

    order = asyncio.run(crowd())
    assert sorted(order[:3]) == ["ada", "alan", "grace"]
    assert order[-3:] == ["ada"] * 3


def test_a_caller_whose_requests_take_longer_has_fewer_of_them_done() -> None:
    async def crowd() -> list[str]:
        hold = Hold(one_thread())
        for _ in range(4):
            await hold.join("slow", seconds=0.1)
            await hold.join("quick", seconds=0.005)
        await hold.let_go()
        return hold.order

    order = asyncio.run(crowd())
    assert "slow" in order[:2]
    assert order[-3:] == ["slow"] * 3


def test_a_caller_who_was_away_is_owed_nothing_and_owes_nothing() -> None:
    async def crowd() -> list[str]:
        turns = one_thread()
        for _ in range(5):
            await call(turns, lambda: time.sleep(0.02), bid("ada"))
        hold = Hold(turns)
        await hold.join(*["new"] * 3, *["ada"] * 3, seconds=0.02)
        await hold.let_go()
        return hold.order

    order = asyncio.run(crowd())
    assert "new" in order[:2]
    assert "ada" in order[:3]


def test_what_needs_no_model_does_not_wait_behind_what_does() -> None:
    async def crowd() -> list[str]:
        hold = Hold(one_thread(), lane=Lane.MODEL)
        await hold.join(*["ada"] * 3)
        await hold.join("ada", "grace", lane=Lane.STORE)
        await asyncio.sleep(0.05)
        before = list(hold.order)
        await hold.let_go()
        return before

    assert asyncio.run(crowd()) == ["ada", "grace"]


def test_one_caller_never_holds_every_thread_so_another_begins_at_once() -> None:
    async def crowd() -> list[str]:
        turns = Turns.of(3)
        hold = Hold(turns, count=2)
        await hold.join("holder", "holder")
        await hold.join("ada")
        await asyncio.sleep(0.05)
        before = list(hold.order)
        await hold.let_go()
        return [*before, *hold.order[len(before) :]]

    assert asyncio.run(crowd()) == ["ada", "holder", "holder"]


def test_who_may_not_have_the_last_thread_is_turned_away_where_nobody_may_wait() -> None:
    async def crowd() -> None:
        turns = Turns(dict.fromkeys(Lane, 2), places=0)
        hold = Hold(turns)
        await asyncio.sleep(0.01)
        with pytest.raises(Throttling):
            turns.check(bid("holder"))
        turns.check(bid("ada"))
        await hold.let_go()

    asyncio.run(crowd())


# -- places --------------------------------------------------------------------------------------------------------


def test_when_the_places_run_out_the_caller_who_has_most_gives_up_its_latest() -> None:
    async def crowd() -> tuple[list[str], list[Any]]:
        hold = Hold(one_thread(places=4))
        await hold.join(*["ada"] * 4, "grace", "grace")
        return hold.order, await hold.let_go()

    order, became = asyncio.run(crowd())
    assert [type(each) for each in became[:4]] == [type(None), type(None), Throttling, Throttling]
    assert became[4:] == [None, None]
    assert sorted(order) == ["ada", "ada", "grace", "grace"]


def test_a_caller_who_has_most_already_is_turned_away_itself() -> None:
    async def crowd() -> list[Any]:
        hold = Hold(one_thread(places=2))
        await hold.join("grace", "ada", "ada")
        return await hold.let_go()

    became = asyncio.run(crowd())
    assert became[:2] == [None, None]
    assert isinstance(became[2], Throttling)


def test_the_bytes_of_what_waits_are_bounded_and_the_heaviest_caller_gives_way() -> None:
    async def crowd() -> list[Any]:
        hold = Hold(one_thread(most_bytes=1000))
        await hold.join("ada", size=600)
        await hold.join("ada", size=300)
        await hold.join("grace", size=200)
        return await hold.let_go()

    first, second, third = asyncio.run(crowd())
    assert (first, third) == (None, None)
    assert isinstance(second, Throttling)


def test_with_no_place_to_wait_only_a_free_thread_is_given() -> None:
    async def crowd() -> list[Any]:
        turns = one_thread(places=0)
        await call(turns, lambda: None, bid())
        hold = Hold(turns)
        await hold.join("ada", "grace")
        became = await hold.let_go()
        await call(turns, lambda: None, bid())
        return became

    assert [type(each) for each in asyncio.run(crowd())] == [Throttling, Throttling]
    with pytest.raises(SettingsError, match=r"queue is -1; .* must be 0 or more"):
        one_thread(places=-1)


# -- who leaves ----------------------------------------------------------------------------------------------------


def test_whose_client_is_gone_before_its_turn_is_not_worked_on() -> None:
    async def crowd() -> tuple[list[str], int]:
        turns = one_thread()
        hold = Hold(turns)
        await hold.join("ada")
        left = asyncio.Event()
        worked: list[str] = []
        gone = asyncio.ensure_future(call(turns, lambda: worked.append("gone"), bid("gone", gone=left.wait)))
        await asyncio.sleep(0.02)
        assert turns.waiting == 2
        left.set()
        with pytest.raises(ClientGone):
            await gone
        waiting = turns.waiting
        await hold.let_go()
        return hold.order + worked, waiting

    assert asyncio.run(crowd()) == (["ada"], 1)


def test_whatever_gives_up_waiting_is_no_longer_counted_and_takes_no_turn() -> None:
    async def crowd() -> object:
        turns = one_thread()
        hold = Hold(turns)
        await asyncio.sleep(0.01)
        second = asyncio.ensure_future(call(turns, lambda: "never", bid()))
        await asyncio.sleep(0.01)
        assert turns.waiting == 1
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert turns.waiting == 0
        await hold.let_go()
        return await asyncio.wait_for(call(turns, lambda: "next", bid()), 5)

    assert asyncio.run(crowd()) == "next"


def test_a_turn_given_in_the_moment_of_giving_up_is_given_on() -> None:
    async def crowd() -> object:
        turns = one_thread()
        hold = Hold(turns)
        await asyncio.sleep(0.01)
        second = asyncio.ensure_future(call(turns, lambda: "never", bid()))
        await asyncio.sleep(0.01)
        hold._go.set()
        while turns.waiting:  # until the thread is the second's, who does not know it yet
            await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        return await asyncio.wait_for(call(turns, lambda: "next", bid()), 5)

    assert asyncio.run(crowd()) == "next"


def test_at_the_end_who_waits_is_sent_away_and_what_runs_goes_on() -> None:
    async def crowd() -> list[Any]:
        turns = one_thread()
        hold = Hold(turns)
        await hold.join("ada", "grace")
        turns.end()
        with pytest.raises(ServiceUnavailable):
            await call(turns, lambda: None, bid())
        return await hold.let_go()

    assert [type(each) for each in asyncio.run(crowd())] == [ServiceUnavailable] * 2


def test_callers_who_have_nothing_here_any_more_are_forgotten() -> None:
    async def crowd() -> int:
        turns = one_thread()
        for number in range(3000):
            async with turns.turn(bid(f"caller {number}")):
                pass
        return len(turns._queues[Lane.MODEL].shares)

    assert asyncio.run(crowd()) < 1100
