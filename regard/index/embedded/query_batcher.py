"""Searches that arrive together go through the scan together: it reads each row once for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class _Ticket(Generic[Asked, Answered]):
    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.turn = threading.Event()
        self.leads: list[_Ticket[Asked, Answered]] = []
        self.answer: Answered | None = None
        self.error: BaseException | None = None


class QueryBatcher(Generic[Asked, Answered]):
    """`answer(asked)` for many threads, by one call of `work` for all that wait; none waits for others to come."""

    def __init__(self, work: Callable[[Sequence[Asked]], Sequence[Answered]], most: int) -> None:
        self._work = work
        self._most = most
        self._lock = threading.Lock()
        self._pending: list[_Ticket[Asked, Answered]] = []
        self._working = 0

    @property
    def working(self) -> int:
        """How many calls of `work` are being made."""
        return self._working

    def answer(self, asked: Asked, lanes: int = 1) -> Answered:
        """What `work` answers to `asked`, or raises. Up to `lanes` calls of it are made at a time."""
        ticket: _Ticket[Asked, Answered] = _Ticket(asked)
        with self._lock:
            if free := self._working < lanes:
                self._working += 1
                ticket.leads = [ticket]
            else:
                self._pending.append(ticket)
        if not free:
            ticket.turn.wait()
        if ticket.leads:
            self._lead(ticket.leads, lanes)
        if ticket.error is not None:
            raise ticket.error
        return ticket.answer  # type: ignore[return-value]  # without an error it has its answer

    def _lead(self, batch: Sequence[_Ticket[Asked, Answered]], lanes: int) -> None:
        """Work for these, then let one of those that wait lead its share of them."""
        try:
            answers = self._work([ticket.asked for ticket in batch])
            for ticket, answer in zip(batch, answers, strict=True):
                ticket.answer = answer
        except BaseException as error:  # it is theirs all: each raises it in its own thread
            for ticket in batch:
                ticket.error = error
        with self._lock:
            share = min(self._most, -(-len(self._pending) // lanes))
            next_ones, self._pending = self._pending[:share], self._pending[share:]
            self._working -= not next_ones
        for ticket in batch:
            ticket.turn.set()
        if next_ones:
            next_ones[0].leads = next_ones
            next_ones[0].turn.set()
