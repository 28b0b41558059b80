"""Whose request is worked on next: callers take turns, and what needs no model does not wait behind what does.

Every lane has its own threads. In a lane the caller who has used the least is served first, by the seconds that its
requests took: whoever sends a hundred crowded pictures waits for themselves, and nobody else does (start-time fair
queueing; Goyal, Vin and Cheng, SIGCOMM 1996). And nobody holds the last thread of a lane together with all the others:
who comes beside one busy caller begins at once.

In some lanes requests compute one at a time. All threads share Python's interpreter, and whenever one of them asks the
database something another takes it: eight searches side by side so took 4.1 ms of a processor each, and one after the
other they take 2.5.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from time import perf_counter
from typing import Any, Self, TypeVar

from anyio import CapacityLimiter, to_thread

from regard.errors import RegardError, ServiceUnavailable, SettingsError, Throttling

T = TypeVar("T")

#: Callers remembered before those who have nothing here any more are forgotten.
_KEPT_SHARES = 1024
#: How much the latest request counts in a lane's mean.
_NEWEST = 0.1
#: Who has computed for so long in a lane where one does at a time keeps the others no longer.
_PATIENCE_SECONDS = 0.01


class Lane(Enum):
    """What a request needs: only the stores and the index, or models as well; or, of somebody who is not known yet, the
    work of checking a password."""

    STORE = "store"
    MODEL = "model"
    SIGN_IN = "sign-in"


class ClientGone(Exception):
    """The client left before its turn: nobody waits for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bid:
    """One request that asks for a turn: whose it is, the bytes it holds while it waits, and a wait that ends when its
    client is gone."""

    caller: str
    lane: Lane
    size: int
    gone: Callable[[], Awaitable[None]]


class _Here(threading.local):
    """What lets others compute, while the current thread has a turn."""

    leave: Callable[[], bool] | None = None


_HERE = _Here()


def let_others_compute() -> bool:
    """Called by a thread that is about to wait, and has little to do afterwards: the next request of its lane may
    begin. Returns whether there was one; not where the thread has no turn."""
    return _HERE.leave is not None and _HERE.leave()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to use one thread, and the seconds it was `waited` for. `leave` lets others compute."""

    waited: float
    limiter: CapacityLimiter
    leave: Callable[[], bool]

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises, from a thread. It is not interrupted: the turn lasts as long as the call."""
        return await to_thread.run_sync(partial(self._run, call), limiter=self.limiter)

    def _run(self, call: Callable[[], T]) -> T:
        _HERE.leave = self.leave
        try:
            return call()
        finally:
            _HERE.leave = None


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiter:
    """`called` ends with None once it is its turn, or with what makes the error that it is sent away with. While it
    `computes` nobody else begins, in a lane where one computes at a time."""

    bid: Bid
    called: asyncio.Future[Callable[[], RegardError] | None]
    computes: bool = False


@dataclass(slots=True, kw_only=True)
class _Share:
    """What one caller has in one lane: the seconds it has `used`, its requests that run and those that wait."""

    used: float
    running: int = 0
    waiting: deque[_Waiter] = field(default_factory=deque)


class _Queue:
    """One lane: its free threads and its callers' shares. `single` is whether one request computes at a time."""

    def __init__(self, threads: int, *, single: bool = False) -> None:
        self.free = threads
        self.single = single
        self._computing = 0
        #: As `held`, for other threads to read.
        self.others = False
        self._most_of_one = max(1, threads - 1)
        self.shares: dict[str, _Share] = {}
        self._mean = 0.0
        # Where the callers served last stand: who comes new, or back, starts here and is owed nothing for being away.
        self._floor = 0.0

    def has_room(self, caller: str) -> bool:
        """Whether a request of the caller would not have to wait for a thread."""
        share = self.shares.get(caller)
        return self.free > self.held and (share is None or self._may_run(share))

    @property
    def held(self) -> int:
        """How many of those who wait have a thread, and wait only until another has computed."""
        if not self.single or not self._computing:
            return 0
        able = (min(len(share.waiting), self._most_of_one - share.running) for share in self.shares.values())
        return min(self.free, sum(able))

    @property
    def _open(self) -> bool:
        """Whether anybody may begin now."""
        return self.free > 0 and not (self.single and self._computing)

    def join(self, waiter: _Waiter) -> None:
        share = self.shares.get(waiter.bid.caller)
        if share is None:
            share = self.shares[waiter.bid.caller] = _Share(used=self._floor)
        elif not share.running and not share.waiting:
            share.used = max(share.used, self._floor)
        share.waiting.append(waiter)

    def leave(self, waiter: _Waiter) -> None:
        self.shares[waiter.bid.caller].waiting.remove(waiter)

    def call_next(self) -> _Waiter | None:
        """Give a free thread to the next request, if there are both."""
        wanting = [share for share in self.shares.values() if share.waiting and self._may_run(share)]
        if not self._open or not wanting:
            return None
        share = min(wanting, key=self._standing)
        self._floor = max(self._floor, share.used)
        self.free -= 1
        share.running += 1
        waiter = share.waiting.popleft()
        waiter.computes = True
        self._computing += 1
        return waiter

    def stop_computing(self, waiter: _Waiter) -> None:
        """It has a thread still, and keeps nobody from beginning."""
        self._computing -= waiter.computes
        waiter.computes = False

    def end(self, waiter: _Waiter, seconds: float) -> None:
        """Take a thread back after `seconds` of use."""
        self.stop_computing(waiter)
        self.free += 1
        self._mean += _NEWEST * (seconds - self._mean) if self._mean else seconds
        share = self.shares[waiter.bid.caller]
        share.running -= 1
        share.used += seconds
        if len(self.shares) > _KEPT_SHARES:
            self.shares = {name: kept for name, kept in self.shares.items() if kept.running or kept.waiting}

    def _may_run(self, share: _Share) -> bool:
        return share.running < self._most_of_one

    def _standing(self, share: _Share) -> float:
        """The seconds used, with what is running counted as it usually ends."""
        return share.used + share.running * self._mean


class Turns:
    """Gives turns to as many calls at once as each lane has `threads`; `places` more may wait, in all lanes together,
    and hold `most_bytes`.

    When the places or the bytes run out, the caller who has most of them gives up its latest. Any number of HTTP doors
    may share one; it is for one event loop. In the lanes `single` one request computes at a time, until it ends, lets
    others compute, or has taken longer than `patience` seconds. Raises SettingsError if `places` is below 0.
    """

    def __init__(
        self,
        threads: Mapping[Lane, int],
        *,
        places: float = math.inf,
        most_bytes: float = math.inf,
        single: Collection[Lane] = (),
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        if places < 0:
            raise SettingsError(f"queue is {places}; the number of requests that may wait must be 0 or more")
        self._queues = {lane: _Queue(count, single=lane in single) for lane, count in threads.items()}
        # The turns are the bound: a call that has one gets a thread at once.
        self._unbounded = CapacityLimiter(math.inf)
        self._patience = patience
        self._waiting: list[_Waiter] = []  # in the order in which they came
        self._places = places
        self._most_bytes = most_bytes
        self._report_waiting: Callable[[int], None] = lambda _: None
        self._ending = False

    @classmethod
    def of(cls, threads: int) -> Self:
        """As many threads in every lane, and no bound on what waits."""
        return cls(dict.fromkeys(Lane, threads))

    def report_to(self, report_waiting: Callable[[int], None]) -> None:
        """Tell it, on the event loop, how many wait whenever that changes."""
        self._report_waiting = report_waiting

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._waiting)

    def check(self, bid: Bid) -> None:
        """Raises Throttling if it would be turned away if it were here now. It takes no place: whose it is, is only
        said so far."""
        if self._queues[bid.lane].has_room(bid.caller):
            return
        if bid in self._surplus([*(waiter.bid for waiter in self._waiting), bid]):
            raise _full()

    @asynccontextmanager
    async def turn(self, bid: Bid) -> AsyncIterator[Turn]:
        """Wait for a turn and hold it.

        Raises Throttling if there is no place to wait in, or another caller needs it more; ServiceUnavailable once the
        server is ending; ClientGone if `bid.gone` ends first.
        """
        since = perf_counter()
        queue = self._queues[bid.lane]
        waiter = await self._reach(queue, bid)
        began = perf_counter()
        try:
            with self._leaving(queue, waiter) as leave:
                yield Turn(waited=began - since, limiter=self._unbounded, leave=leave)
        finally:
            queue.end(waiter, perf_counter() - began)
            self._call_next(queue)

    def end(self) -> None:
        """Send away all who wait, and from now on all who come; what runs goes on."""
        self._ending = True
        for waiter in list(self._waiting):
            self._send_away(waiter, ServiceUnavailable)

    @contextmanager
    def _leaving(self, queue: _Queue, waiter: _Waiter) -> Iterator[Callable[[], bool]]:
        """What any thread may call to let others compute; it is called in the end for who takes too long."""
        if not queue.single:
            yield lambda: False
            return
        loop = asyncio.get_running_loop()
        patience = loop.call_later(self._patience, self._stop_computing, queue, waiter)
        try:
            yield partial(self._let_others, loop, queue, waiter)
        finally:
            patience.cancel()

    def _let_others(self, loop: asyncio.AbstractEventLoop, queue: _Queue, waiter: _Waiter) -> bool:
        """From any thread: whether there was anybody."""
        others = queue.others
        loop.call_soon_threadsafe(self._stop_computing, queue, waiter)
        return others

    def _stop_computing(self, queue: _Queue, waiter: _Waiter) -> None:
        queue.stop_computing(waiter)
        self._call_next(queue)

    async def _reach(self, queue: _Queue, bid: Bid) -> _Waiter:
        """Wait until one of the queue's threads is this request's."""
        if self._ending:
            raise ServiceUnavailable
        waiter = _Waiter(bid=bid, called=asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        queue.join(waiter)
        self._call_next(queue)
        self._make_room()
        gone = None if waiter.called.done() else asyncio.ensure_future(bid.gone())
        reached = False
        try:
            if gone is not None:
                either: set[asyncio.Future[Any]] = {waiter.called, gone}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not waiter.called.done():
                raise ClientGone
            if (why := waiter.called.result()) is not None:
                raise why()
            reached = True
            return waiter
        finally:
            if not reached:
                self._abandon(queue, waiter)
            if gone is not None:
                gone.cancel()

    def _abandon(self, queue: _Queue, waiter: _Waiter) -> None:
        """Nobody waits any more: leave the queue, or give back the thread that was given in the same moment."""
        called = waiter.called
        if called.done() and not called.cancelled() and called.result() is None:
            queue.end(waiter, 0.0)
            self._call_next(queue)
        elif waiter in self._waiting:
            self._leave(waiter)

    def _call_next(self, queue: _Queue) -> None:
        while (waiter := queue.call_next()) is not None:
            self._waiting.remove(waiter)
            waiter.called.set_result(None)
        queue.others = queue.held > 0
        self._report_waiting(self.waiting)

    def _make_room(self) -> None:
        surplus = list(self._surplus([waiter.bid for waiter in self._waiting]))
        for waiter in [each for each in self._waiting if each.bid in surplus]:
            self._send_away(waiter, _full)

    def _surplus(self, bids: Sequence[Bid]) -> Iterator[Bid]:
        """Those that have to give way, of `bids` in the order in which they came: always the latest of whoever has
        most. Who has a thread needs no place."""
        kept = list(bids)
        places = self._places + sum(queue.held for queue in self._queues.values())
        while len(kept) > places:
            yield _taken_from(kept, lambda _: 1)
        while sum(bid.size for bid in kept) > self._most_bytes:
            yield _taken_from(kept, lambda bid: bid.size)

    def _send_away(self, waiter: _Waiter, why: Callable[[], RegardError]) -> None:
        self._leave(waiter)
        waiter.called.set_result(why)

    def _leave(self, waiter: _Waiter) -> None:
        self._waiting.remove(waiter)
        self._queues[waiter.bid.lane].leave(waiter)
        self._report_waiting(self.waiting)


def _full() -> Throttling:
    return Throttling("Slow down; as many requests are waiting as this server takes.")


def _taken_from(bids: list[Bid], weigh: Callable[[Bid], int]) -> Bid:
    """Remove the latest bid of the caller whose bids weigh most together."""
    weights: dict[str, int] = {}
    for bid in bids:
        weights[bid.caller] = weights.get(bid.caller, 0) + weigh(bid)
    heaviest = max(weights, key=lambda caller: weights[caller])
    latest = next(bid for bid in reversed(bids) if bid.caller == heaviest)
    bids.remove(latest)
    return latest
