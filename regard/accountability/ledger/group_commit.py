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
#: So long a record waits for others that are known to come, if nobody writes before.
_PATIENCE_SECONDS = 0.01


class GroupCommit:
    """Has `write` put records on disk, all that wait at once; it may raise RegardError. Safe to share between threads.

    There is no thread of its own: the first that comes writes for all, and then wakes the first of those that came in
    the meantime to write the next. Who knows that others come leaves it to the last of them.
    """

    def __init__(self, write: Callable[[Sequence[Record]], None]) -> None:
        self._write = write
        self._guard = threading.Lock()
        self._enough = threading.Condition(self._guard)
        self._waiting: list[_Ticket] = []
        self._led = False
        #: Whether somebody waits who knows of no others.
        self._urgent = False
        #: How many the last two commits wrote, and the seconds that one takes.
        self._sizes = (1, 1)
        self._seconds = 0.0
        #: In seconds.
        self.patience = _PATIENCE_SECONDS

    def add(self, record: Record, *, others: bool = False) -> None:
        """Write a record; it is on disk when this returns. `others` says that more are about to come. Raises
        InternalServerError."""
        ticket = _Ticket(record)
        with self._guard:
            self._waiting.append(ticket)
            leads = not self._led and not others
            self._led, self._urgent = self._led or leads, self._urgent or not (leads or others)
            if not leads and len(self._waiting) == max(self._sizes):
                self._enough.notify()
        while not leads and not ticket.wait(self.patience if others else -1):
            leads = self._claimed(ticket)
        if not ticket.done:
            self._lead()
        if ticket.error is not None:
            raise InternalServerError(ticket.error.message, public=ticket.error.public) from ticket.error

    def _claimed(self, ticket: _Ticket) -> bool:
        """Whether a record that has waited long enough is to be written by its own thread, and nobody is at it."""
        with self._guard:
            if self._led or ticket not in self._waiting:
                return False
            self._led = True
            return True

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
                self._led, self._urgent = self._urgent and bool(self._waiting), False
                if self._led:
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

    def wait(self, seconds: float) -> bool:
        """Whether it was woken in that time; -1 is for ever."""
        return self._asleep.acquire(timeout=seconds)

    def wake(self) -> None:
        self._asleep.release()
