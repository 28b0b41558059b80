"""The way of every request, by whichever HTTP door it comes: admitted, read, worked on in a thread, recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from regard.edge.admission import Admission
from regard.edge.body import Body
from regard.edge.exchange import Exchange
from regard.edge.observer import NullObserver, Observer
from regard.edge.rates import RateLimiter
from regard.edge.threads import Threads

T = TypeVar("T")


class RequestPipeline:
    """What all doors of one server share. `threads` requests are worked on at once.

    Without `admission` no request is turned away, without `rates` everyone may call as often as they like, without
    `observer` nothing is recorded.
    """

    def __init__(
        self,
        *,
        threads: int,
        admission: Admission | None = None,
        rates: RateLimiter | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.admission = admission or Admission.unlimited()
        self.rates = rates or RateLimiter({})
        self.observer = observer or NullObserver()
        self.threads = Threads(threads, self.observer.waiting)

    @contextmanager
    def recorded(self, exchange: Exchange) -> Iterator[None]:
        """Around the whole of a request: when it ends, the observer is told how."""
        try:
            yield
        finally:
            self.observer.answered(exchange.record())

    async def perform(self, exchange: Exchange, body: Body, work: Callable[[bytes], T]) -> T:
        """What `work` makes of the body, in a thread. `exchange` learns what was received and how long it waited.

        Raises Throttling, before anything is read, if the server is full; as `Body.read`; and what `work` raises.
        """
        with self.admission.enter(body.declared):
            try:
                content = await body.read()
            finally:
                exchange.received = body.received
            async with self.threads.turn() as turn:
                exchange.waited = turn.waited
                return await turn.run(partial(work, content))
