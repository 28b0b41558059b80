from __future__ import annotations

import asyncio
from typing import Any

import pytest

from regard.edge.arrivals import Arrivals
from regard.errors import ServiceUnavailable, Throttling


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Sender:
    """A body that comes in the pieces that it is told to send; `became` is None if it was whole, or its error."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._pieces: asyncio.Queue[int] = asyncio.Queue()
        self.task = asyncio.ensure_future(self._arrive())

    async def _arrive(self) -> None:
        with self._arrivals.arrive() as arrival, arrival.given_up():
            while size := await self._pieces.get():
                arrival.grow(size)

    async def send(self, size: int) -> None:
        self._pieces.put_nowait(size)
        for _ in range(5):
            await asyncio.sleep(0)

    async def became(self) -> Any:
        await self.send(0)
        return (await asyncio.gather(self.task, return_exceptions=True))[0]


async def senders(arrivals: Arrivals, *sizes: int) -> list[Sender]:
    found = [Sender(arrivals) for _ in sizes]
    for sender, size in zip(found, sizes, strict=True):
        await sender.send(size)
    return found


def test_bodies_are_counted_by_what_has_come_of_them_and_not_by_what_they_declare() -> None:
    async def crowd() -> list[Any]:
        arrivals = Arrivals(1000)
        silent = [Sender(arrivals) for _ in range(500)]
        (sender,) = await senders(arrivals, 1000)
        assert arrivals.held == 1000
        became = await sender.became()
        assert arrivals.held == 0
        return [became, *[await each.became() for each in silent]]

    assert asyncio.run(crowd()) == [None] * 501


def test_who_holds_most_for_longest_gives_way_to_who_sends_now() -> None:
    async def crowd() -> list[Any]:
        clock = Clock()
        arrivals = Arrivals(1000, clock)
        stalled, slow = await senders(arrivals, 600, 100)
        clock.now = 10.0
        (quick,) = await senders(arrivals, 350)
        return [await each.became() for each in (stalled, slow, quick)]

    stalled, slow, quick = asyncio.run(crowd())
    assert isinstance(stalled, Throttling)
    assert (slow, quick) == (None, None)


def test_small_bodies_that_are_parked_do_not_push_out_a_large_one_on_its_way() -> None:
    async def crowd() -> list[Any]:
        clock = Clock()
        arrivals = Arrivals(1_500_000, clock)
        (honest,) = await senders(arrivals, 700_000)
        parked = await senders(arrivals, *[50_000] * 14)
        for _ in range(10):
            clock.now += 0.5
            await honest.send(50_000)
        return [await each.became() for each in (honest, *parked)]

    honest, *parked = asyncio.run(crowd())
    assert honest is None
    assert [type(each) for each in parked].count(Throttling) >= 8


def test_who_sends_a_byte_now_and_then_is_as_late_as_who_sends_none() -> None:
    async def crowd() -> list[Any]:
        clock = Clock()
        arrivals = Arrivals(1000, clock)
        (drip,) = await senders(arrivals, 600)
        for _ in range(10):
            clock.now += 1.0
            await drip.send(1)
        (quick,) = await senders(arrivals, 500)
        return [await each.became() for each in (drip, quick)]

    drip, quick = asyncio.run(crowd())
    assert isinstance(drip, Throttling)
    assert quick is None


def test_as_many_give_way_as_it_takes_and_none_twice() -> None:
    async def crowd() -> list[Any]:
        clock = Clock()
        arrivals = Arrivals(1000, clock)
        stalled = await senders(arrivals, 400, 300, 300)
        clock.now = 10.0
        (quick,) = await senders(arrivals, 600)
        return [await each.became() for each in (*stalled, quick)]

    became = [type(each) for each in asyncio.run(crowd())]
    assert sorted(became[:3], key=str) == [type(None), Throttling, Throttling]
    assert became[3] is type(None)


def test_a_body_that_alone_is_too_much_gives_way_itself() -> None:
    async def crowd() -> Any:
        (sender,) = await senders(Arrivals(1000), 1001)
        return await sender.became()

    assert isinstance(asyncio.run(crowd()), Throttling)


def test_a_body_that_gave_way_is_read_no_further_though_more_of_it_is_there() -> None:
    async def crowd() -> tuple[Any, int]:
        arrivals, taken = Arrivals(1000), 0
        try:
            with arrivals.arrive() as arrival, arrival.given_up():
                for _ in range(10):
                    taken += 1
                    arrival.grow(400)
        except Throttling as error:
            return error, taken
        return None, taken

    error, taken = asyncio.run(crowd())
    assert isinstance(error, Throttling)
    assert taken == 3


def test_a_body_that_is_whole_is_counted_and_does_not_give_way() -> None:
    async def crowd() -> None:
        arrivals = Arrivals(1000)
        with arrivals.arrive() as first, arrivals.arrive() as second:
            with first.given_up():
                first.grow(900)
            with pytest.raises(Throttling), second.given_up():
                second.grow(200)
            assert arrivals.held == 900
        assert arrivals.held == 0

    asyncio.run(crowd())


def test_at_the_end_all_are_given_up_and_no_more_are_taken() -> None:
    async def crowd() -> list[Any]:
        arrivals = Arrivals(1000)
        found = await senders(arrivals, 10, 20)
        arrivals.end()
        with pytest.raises(ServiceUnavailable), arrivals.arrive():
            pass
        return [await each.became() for each in found]

    assert [type(each) for each in asyncio.run(crowd())] == [ServiceUnavailable] * 2
