"""How much memory pictures may take together while they are worked on, and who waits for it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from time import monotonic
from typing import Self

from regard.errors import ImageTooLarge, Throttling

#: Who has waited this long gets no answer but to come back: SDKs try again by themselves.
_PATIENCE_SECONDS = 10.0
#: A small picture passes larger ones that wait; but none passes one that has waited this long.
_PASSING_SECONDS = 1.0


class TooLargeForMemory(ImageTooLarge):
    """Image size is too large: this server will never have the memory for it."""


@dataclass(eq=False, slots=True)
class _Ticket:
    size: float
    since: float


class MemoryBudget:
    """Gives out `total` bytes, in turn. Safe for threads.

    Whoever needs several pieces must ask for them at once: to wait while holding one could be for ever. Before one
    takes more than half of everything, `make_room` is called.
    """

    def __init__(
        self,
        total: float,
        *,
        patience: float = _PATIENCE_SECONDS,
        passing: float = _PASSING_SECONDS,
        make_room: Callable[[], None] | None = None,
        least: float = 0.0,
    ) -> None:
        """`least` is what `shrink` leaves."""
        self.total = total
        self._least = min(least, total)
        self._patience = patience
        self._passing = passing
        self._make_room = make_room
        self._used = 0.0
        self._waiting: deque[_Ticket] = deque()
        self._changed = Condition()

    @classmethod
    def unlimited(cls) -> Self:
        """Nobody waits."""
        return cls(math.inf)

    @property
    def used(self) -> float:
        """Bytes that are held now."""
        return self._used

    @contextmanager
    def hold(self, size: float) -> Iterator[None]:
        """Hold `size` bytes, once there are as many.

        Raises TooLargeForMemory if there will never be, Throttling after waiting for long.
        """
        self.take(size)
        try:
            yield
        finally:
            self.release(size)

    def check(self, size: float) -> None:
        """Raises TooLargeForMemory if `size` bytes are more than there are in all."""
        if size > self.total:
            raise TooLargeForMemory(
                f"{ImageTooLarge.__doc__}: to decode and analyse it takes {_megabytes(size)}; all pictures together "
                f"may take {_megabytes(self.total)} here. Send a smaller picture, or set `memory` in [server] higher."
            )

    def take(self, size: float, *, patience: float | None = None) -> None:
        """As `hold`, until `release`; `patience` in seconds, math.inf to wait for ever."""
        self.check(size)
        ticket = _Ticket(size, monotonic())
        with self._changed:
            self._waiting.append(ticket)
            try:
                wait = self._patience if patience is None else patience
                if not self._changed.wait_for(lambda: self._may_go(ticket), None if math.isinf(wait) else wait):
                    raise Throttling("Slow down; the pictures that are being worked on fill this server's memory.")
                self._used += size
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        if self._make_room and size > self.total / 2:
            self._make_room()

    def shrink(self, size: float) -> None:
        """From now on there are `size` bytes less; nobody waits for them, and what is held stays held."""
        with self._changed:
            self.total = max(self.total - size, self._least)

    def try_take(self, size: float) -> bool:
        """Take `size` bytes if they are there and nobody waits."""
        with self._changed:
            if self._waiting or self._used + size > self.total:
                return False
            self._used += size
            return True

    def release(self, size: float) -> None:
        """Give back what was taken."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()

    def _may_go(self, ticket: _Ticket) -> bool:
        if self._used + ticket.size > self.total:
            return False
        latest = monotonic() - self._passing
        for ahead in self._waiting:
            if ahead is ticket:
                return True
            if ahead.since <= latest:
                return False
        return True


def _megabytes(size: float) -> str:
    return f"{math.ceil(size / 1e6):,} MB"
