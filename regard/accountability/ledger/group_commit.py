"""Entries that come at the same moment share a commit, and so a sync of the disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from time import perf_counter

from regard.accountability.ledger.entry import Record
from regard.errors import InternalServerError, RegardError

log = logging.getLogger(__name__)

#: Clients whose entries were written together come back together, and the first must not be written alone while the
#: others wait for its sync: it waits for them, but for no more than this part of what a commit takes.
_SHARE = 0.3
#: How much the latest commit counts in what one takes.
_NEWEST = 0.2
#: Where so many wait, a thread that comes with one more waits with it: a disk that stands still is felt.
_MOST_LEFT = 256


class GroupCommit:
    """Has `write` put records on disk, all that wait at once; it may raise RegardError. Safe to share between threads.

    Where each thread waits for its record, the first that comes writes for all, and then wakes the first of those that
    came in the meantime to write the next. While `writing`, records can be left to a thread of its own.
    """

    def __init__(self, write: Callable[[Sequence[Record]], None]) -> None:
        self._write = write
        self._guard = threading.Lock()
        self._enough = threading.Condition(self._guard)
        self._written = threading.Condition(self._guard)
        self._waiting: list[_Ticket] = []
        self._led = False
        #: The thread to leave records to, if there is one.
        self._writer: ThreadPoolExecutor | None = None
        #: How many the last two commits wrote, and the seconds that one takes.
        self._sizes = (1, 1)
        self._seconds = 0.0

    def add(self, record: Record) -> None:
        """Write a record; it is on disk when this returns. Raises InternalServerError."""
        ticket = _Ticket(record)
        with self._guard:
            leads = self._joined(ticket)
        if not leads:
            ticket.wait()
        if not ticket.done:
            self._lead()
        if ticket.error is not None:
            raise _told(ticket.error) from ticket.error

    def leave(self, record: Record) -> Future[None] | None:
        """Have a record written, and go on. What is returned ends when it is on disk, or with InternalServerError; None
        if there is nobody to leave it to, or too much was left already: then `add` it."""
        with self._guard:
            if self._writer is None or len(self._waiting) >= _MOST_LEFT:
                return None
            left = _Left(record, partial(self._call, self._writer))
            leads = self._joined(left)
        if leads:
            left.wake()
        return left.future

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While the block lasts, a thread writes what is left to it; in the end all of it is on disk, or has failed."""
        with ThreadPoolExecutor(1, "ledger-writer") as writer:
            self._writer = writer
            try:
                yield
            finally:
                with self._guard:
                    self._writer = None
                    self._written.wait_for(lambda: not self._led)

    @property
    def waiting(self) -> int:
        """How many records wait for the next commit."""
        return len(self._waiting)

    def _joined(self, ticket: _Ticket) -> bool:
        """With the guard: let a ticket wait. Whether it is the first, whose thread is to write."""
        self._waiting.append(ticket)
        leads, self._led = not self._led, True
        if not leads and len(self._waiting) == max(self._sizes):
            self._enough.notify()
        return leads

    def _call(self, writer: ThreadPoolExecutor) -> None:
        """Have the writer write what waits."""
        writer.submit(self._lead).add_done_callback(_log_fault)

    def _lead(self) -> None:
        tickets = self._gathered()
        try:
            self._commit(tickets)
        finally:
            with self._guard:
                self._led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].wake()
                else:
                    self._written.notify_all()

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
                if error is None:
                    each.record.written()
                each.finish(error)


def _log_fault(lead: Future[None]) -> None:
    """Those who waited have been told already; others come, and are written."""
    if (fault := lead.exception()) is not None:
        log.error("The ledger could not be written", exc_info=fault)


def _told(error: RegardError) -> InternalServerError:
    """An error of its own for each of those it is told to."""
    return InternalServerError(error.message, public=error.public)


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
        """Have its thread write what waits."""
        self._asleep.release()

    def finish(self, error: RegardError | None) -> None:
        self.done, self.error = True, error
        self._asleep.release()


class _Left(_Ticket):
    """A record that no thread waits for: somebody else is to `write` it."""

    def __init__(self, record: Record, write: Callable[[], None]) -> None:
        super().__init__(record)
        self.future: Future[None] = Future()
        self._write = write

    def wake(self) -> None:
        self._write()

    def finish(self, error: RegardError | None) -> None:
        if error is None:
            self.future.set_result(None)
        else:
            told = _told(error)
            told.__cause__ = error
            self.future.set_exception(told)
