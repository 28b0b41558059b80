"""Entries that come at the same moment share a commit, and so a sync of the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import perf_counter

from regard.accountability.ledger.entry import Record
from regard.errors import InternalServerError, RegardError

#: Clients whose entries were written together come back together, and the first must not be written alone while the
#: others wait for its sync: it waits for them, but for no more than this part of what a commit takes.
_SHARE = 0.3
#: How much the latest commit counts in what one takes.
_NEWEST = 0.2


class GroupCommit:
    """Has `write` put records on disk, all that wait at once; it may raise RegardError. Safe to share between threads.

    There is no thread of its own: the first that comes writes for all, and then wakes the first of those that came in
    the meantime to write the next.
    """

    def __init__(self, write: Callable[[Sequence[Record]], None]) -> None:
        self._write = write
        self._guard = threading.Lock()
        self._enough = threading.Condition(self._guard)
        self._waiting: list[_Ticket] = []
        self._led = False
        #: How many the last two commits wrote, and the seconds that one takes.
        self._sizes = (1, 1)
        self._seconds = 0.0

    def add(self, record: Record) -> None:
        """Write a record; it is on disk when this returns. Raises InternalServerError."""
        ticket = _Ticket(record)
        with self._guard:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
            if not leads and len(self._waiting) == max(self._sizes):
                self._enough.notify()
        if not leads:
            ticket.wait()
        if not ticket.done:
            self._lead()
        if ticket.error is not None:
            raise InternalServerError(ticket.error.message, public=ticket.error.public) from ticket.error

    @property
    def waiting(self) -> int:
        """How many records wait for the next commit."""
        return len(self._waiting)

    def _lead(self) -> None:
        tickets = self._gathered()
        try:
            self._commit(tickets)
        finally:
            with self._guard:
                self._led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].wake()

    def _gathered(self) -> list[_Ticket]:
        """What waits, once it is as much as usual, or has waited long enough."""
        with self._guard:
            usual = max(self._sizes)
            if len(self._waiting) < usual:
                self._enough.wait_for(lambda: len(self._waiting) >= usual, self._seconds * _SHARE)
            tickets, self._waiting = self._waiting, []
            self._sizes = (self._sizes[1], len(tickets))
            return tickets

    def _commit(self, tickets: Sequence[_Ticket]) -> None:
        began = perf_counter()
        error: RegardError | None = InternalServerError("The ledger could not be written.")
        try:
            self._write([each.record for each in tickets])
            error = None
        except RegardError as raised:
            error = raised
        finally:
            taken = perf_counter() - began
            self._seconds += _NEWEST * (taken - self._seconds) if self._seconds else taken
            for each in tickets:
                each.done, each.error = True, error
                if error is None:
                    each.record.written()
                each.wake()


class _Ticket:
    """A record that waits until another thread has written it, or leaves it to this one to write."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.done = False
        self.error: RegardError | None = None
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def wait(self) -> None:
        self._asleep.acquire()

    def wake(self) -> None:
        self._asleep.release()
