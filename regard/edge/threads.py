"""The one way from the event loop to code that computes or waits for a store, and back."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to use one thread, and the seconds it was `waited` for."""

    waited: float
    limiter: CapacityLimiter

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises, from a thread. It is not interrupted: the turn lasts as long as the call."""
        return await to_thread.run_sync(call, limiter=self.limiter)


class Threads:
    """Gives turns to `count` calls at once; the others wait, first come, first served.

    `report_waiting` is told on the event loop how many wait whenever that changes. Any number of HTTP doors may share
    one; it is for one event loop.
    """

    def __init__(self, count: int, report_waiting: Callable[[int], None]) -> None:
        self._turns = CapacityLimiter(count)
        # The turns are the bound: a call that has one gets a thread at once.
        self._unbounded = CapacityLimiter(math.inf)
        self._report_waiting = report_waiting
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Wait for a turn and hold it."""
        since = perf_counter()
        self._count(1)
        try:
            await self._turns.acquire()
        finally:
            self._count(-1)
        try:
            yield Turn(waited=perf_counter() - since, limiter=self._unbounded)
        finally:
            self._turns.release()

    def _count(self, more: int) -> None:
        self._waiting += more
        self._report_waiting(self._waiting)
