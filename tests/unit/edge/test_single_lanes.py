"""In a single lane one request computes at a time, until it ends, waits for the disk, or takes too long."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from test_request_turns import Hold, bid, call

from regard.edge.turns import Lane, Turns, let_others_compute
from regard.errors import Throttling

#: Seconds after which what has not come does not come.
NEVER = 20.0


def single(patience: float = NEVER) -> Turns:
    return Turns(dict.fromkeys(Lane, 6), single=[Lane.STORE], patience=patience)


async def all_of(turns: Turns, *works: Callable[[], Any], lane: Lane = Lane.STORE) -> list[Any]:
    """What each returns; they come in this order, each of another caller."""
    asked = [call(turns, work, bid(f"caller {number}", lane)) for number, work in enumerate(works)]
    return await asyncio.wait_for(asyncio.gather(*asked), NEVER)


class Together:
    """How many compute at once, and the most that did."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._now = self.most = 0

    def work(self) -> None:
        with self._guard:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.01)
        with self._guard:
            self._now -= 1


def test_in_a_single_lane_requests_compute_one_at_a_time() -> None:
    together = Together()
    asyncio.run(all_of(single(), *[together.work] * 12))
    assert together.most == 1


def test_in_another_lane_they_do_not() -> None:
    both = threading.Barrier(2)
    asyncio.run(all_of(single(), *[lambda: both.wait(NEVER)] * 2, lane=Lane.MODEL))


def test_whoever_waits_for_a_disk_lets_the_next_one_compute_and_no_more_than_one() -> None:
    other, together = threading.Event(), Together()

    def writes() -> bool:
        assert let_others_compute(), "there are three"
        let_others_compute()
        return other.wait(NEVER / 2)

    def computes() -> None:
        together.work()
        other.set()

    assert asyncio.run(all_of(single(), writes, computes, computes, computes)) == [True, None, None, None]
    assert together.most == 1


def test_without_a_turn_or_others_there_is_nobody_to_let_compute() -> None:
    assert not let_others_compute()
    assert asyncio.run(all_of(single(), let_others_compute)) == [False]
    assert asyncio.run(all_of(single(), let_others_compute, lane=Lane.MODEL)) == [False]


def test_whoever_computes_for_long_keeps_the_others_no_longer() -> None:
    other = threading.Event()
    assert asyncio.run(all_of(single(0.01), lambda: other.wait(NEVER / 2), other.set)) == [True, None]


def test_the_end_of_whoever_took_too_long_ends_nobody_elses_turn() -> None:
    began, patience = threading.Event(), 0.3
    since: list[float] = []

    def second() -> bool:
        since.append(time.perf_counter())
        began.set()
        time.sleep(2 * patience)
        return True

    long, third = (lambda: began.wait(NEVER / 2)), time.perf_counter
    waited, ended, at = asyncio.run(all_of(single(patience), long, second, third))
    assert (waited, ended) == (True, True)
    assert at - since[0] >= patience * 0.9, "the second had its time too"


def test_a_place_that_is_given_up_in_the_moment_of_its_turn_keeps_nobody() -> None:
    async def work() -> object:
        turns = single()
        held = asyncio.ensure_future(call(turns, lambda: time.sleep(0.05), bid("holder", Lane.STORE)))
        await asyncio.sleep(0.01)
        gone = asyncio.ensure_future(call(turns, lambda: None, bid("gone", Lane.STORE)))
        await held
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        return await asyncio.wait_for(call(turns, lambda: 7, bid("next", Lane.STORE)), NEVER / 2)

    assert asyncio.run(work()) == 7


def test_whoever_only_waits_for_another_to_have_computed_needs_no_place() -> None:
    async def work() -> tuple[int, list[object]]:
        turns = Turns(dict.fromkeys(Lane, 4), places=0, single=[Lane.STORE], patience=NEVER)
        hold = Hold(turns, lane=Lane.STORE)
        await asyncio.sleep(0.05)
        for caller in ("ada", "bea", "cai"):
            turns.check(bid(caller, Lane.STORE))
            await hold.join(caller, lane=Lane.STORE)
        waiting = turns.waiting
        await hold.join("dan", lane=Lane.STORE)
        return waiting, await hold.let_go()

    waiting, ended = asyncio.run(work())
    assert waiting == 3
    assert [type(each) for each in ended].count(Throttling) == 1, "there was no thread for one of the four"
    assert ended.count(None) == 3
