"""The way of every request, by whichever HTTP door it comes: received, its sender known, given a turn, recorded.

What a stranger can do costs little and takes nothing from those who are known: only a request whose sender is known
counts against a rate, takes a place in the queue, or is looked into.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from anyio import CapacityLimiter, sleep_forever, to_thread

from regard.domain.callers import Principal
from regard.edge.arrivals import Arrivals
from regard.edge.body import Body, BodyLimits
from regard.edge.exchange import Exchange
from regard.edge.observer import NullObserver, Observer
from regard.edge.rates import RateLimiter
from regard.edge.turns import Bid, Lane, Turns

T = TypeVar("T")


class RequestPipeline:
    """What all doors of one server share: `aside` works beside the queue, with `threads` threads of its own."""

    def __init__(
        self,
        *,
        turns: Turns,
        arrivals: Arrivals | None = None,
        rates: RateLimiter | None = None,
        observer: Observer | None = None,
        threads: int = 2,
    ) -> None:
        self.turns = turns
        self.arrivals = arrivals or Arrivals(math.inf)
        self.rates = rates or RateLimiter({})
        self.observer = observer or NullObserver()
        turns.report_to(self.observer.waiting)
        self._aside = CapacityLimiter(threads)
        #: Whether the server ends: answers that go on and on have to.
        self.ended = False

    @contextmanager
    def recorded(self, exchange: Exchange) -> Iterator[None]:
        """Around the whole of a request: when it ends, the observer is told how."""
        try:
            yield
        finally:
            self.observer.answered(exchange.record())

    @asynccontextmanager
    async def receive(self, exchange: Exchange, body: Body, limits: BodyLimits) -> AsyncIterator[bytes]:
        """The whole body, counted among those on their way until the block ends: find out in it who the sender is.

        Raises as `Body.read` and `Arrivals.arrive`.
        """
        with self.arrivals.arrive() as arrival:
            try:
                content = await body.read(arrival, limits)
            finally:
                exchange.received = body.received
            yield content

    def expect(self, said: Principal, *, lane: Lane, size: int) -> None:
        """Before a body of `size` bytes is received: raises Throttling if a request of the one who is said to have sent
        it would be turned away."""
        self.turns.check(Bid(caller=said.access_key_id, lane=lane, size=size, gone=sleep_forever))

    async def aside(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises, from a thread that no request holds: for what finds out who somebody is."""
        return await to_thread.run_sync(call, limiter=self._aside)

    async def perform(
        self,
        exchange: Exchange,
        principal: Principal,
        *,
        lane: Lane,
        gone: Callable[[], Awaitable[None]],
        work: Callable[[], T],
    ) -> T:
        """What `work` returns, in the turn of a principal who is known. `exchange` learns how long it waited.

        Raises ProvisionedThroughputExceeded, as `Turns.turn`, and what `work` raises.
        """
        exchange.principal = principal
        self.rates.check(principal, exchange.operation)
        bid = Bid(caller=principal.access_key_id, lane=lane, size=exchange.received, gone=gone)
        async with self.turns.turn(bid) as turn:
            exchange.waited = turn.waited
            return await turn.run(work)

    def end(self) -> None:
        """Answer all who wait, and all who come from now on, that the server ends; what runs goes on."""
        self.ended = True
        self.arrivals.end()
        self.turns.end()


async def until_gone(receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
    """Returns once the client of a request, whose body was read, has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
