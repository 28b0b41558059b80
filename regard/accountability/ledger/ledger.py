"""The ledger: hears every act of a gate, and writes it down before anybody learns what came of it.

An act that changes something is written in the transaction that changes it; any other before its answer leaves, with
those that come at the same moment in one commit.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta

from regard.accountability.ledger.entry import SALT_BYTES, Record
from regard.accountability.ledger.group_commit import GroupCommit
from regard.domain.authority import Act, Action, Caller
from regard.errors import InternalServerError
from regard.store import database
from regard.store.database import Database, Transaction
from regard.store.ledger_rows import Head, NewEntry
from regard.store.ledger_tail import JoinedTail, LedgerTail, add_after, own_tail
from regard.store.resumption_rows import confirmed_clock

#: What changes something is written with it.
_WRITING = frozenset({Action.ENROL, Action.DELETE, Action.MOVE, Action.ADMINISTER, Action.REVIEW, Action.EVALUATE})
#: A clock may be set back by so much: entries then have the time of the one before.
SET_BACK = timedelta(seconds=2)
#: What mends that is recorded nevertheless.
_MENDING = "ledger resume"
#: A checkpoint is due after so many entries, and after a second.
_MOST_UNSIGNED = 256


class Ledger:
    """Writes entries. `opening` gives the database that they are in; safe to share between threads."""

    def __init__(
        self,
        opening: Callable[[], AbstractContextManager[Database]],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._opening = opening
        self._clock = clock
        self._commits = GroupCommit(self._commit)
        #: Where the ledger ends, as far as this process knows.
        self._last: Head | None = None
        #: How many entries this process has written since the last checkpoint; `due` is set when they are many.
        self.unsigned = 0
        self.due = threading.Event()
        #: Called by a thread that is about to wait for the disk, and has little left to do: others may compute. Returns
        #: whether there are any, whose entries then can be written with this one.
        self.waits: Callable[[], bool] = lambda: False
        #: Why nothing more may be recorded, and so nothing be done; `LedgerCheckpoints` finds out.
        self.fault: str | None = None

    @contextmanager
    def hearing(self, caller: Caller, act: Act, profile: str) -> Iterator[Hearing]:
        """Record what happens inside. Raises InternalServerError where that cannot be recorded."""
        hearing = Hearing(self, Record(caller, act, profile))
        try:
            with database.accompanied(hearing) if act.action in _WRITING else nullcontext():
                yield hearing
        except BaseException as error:
            hearing.record.fail(error)
            hearing.tell()
            raise
        if hearing.record.wanting:
            hearing.tell()

    def append(self, record: Record) -> None:
        """Write an entry of its own; it is on disk when this returns. Raises InternalServerError."""
        self._commits.add(record, others=self.waits())

    def write(self, transaction: Transaction, records: Sequence[Record]) -> None:
        """Add entries in a transaction of somebody else's. Raises InternalServerError where the clock is wrong.

        An entry's time is never before that of the one before it."""
        self._add(JoinedTail(transaction), records)

    def _commit(self, records: Sequence[Record]) -> None:
        with database.accompanied(None), self._opening() as opened:
            if not self._added(opened, records):
                with own_tail(opened) as tail:
                    self._add(tail, records)

    def _added(self, opened: Database, records: Sequence[Record]) -> bool:
        """Add entries where the last ones of this process are, if the ledger still ends there."""
        head, now = self._last, self._clock()
        if self.fault is not None or head is None or now < head.recorded_at - SET_BACK:
            return False
        new = _entries(records, head, now)
        if not add_after(opened, head, new):
            return False
        self._count(records, head, new)
        return True

    def _add(self, tail: LedgerTail, records: Sequence[Record]) -> None:
        if self.fault is not None:
            raise InternalServerError(self.fault, public=self.fault)
        head = tail.head()
        now = self._clock()
        if now < head.recorded_at - SET_BACK and any(each.operation != _MENDING for each in records):
            with tail.reading() as connection:
                _check_clock(connection, now, head.recorded_at)
        new = _entries(records, head, now)
        tail.add(head.size, new)
        self._count(records, head, new)

    def _count(self, records: Sequence[Record], head: Head, new: Sequence[NewEntry]) -> None:
        self._last = Head(size=head.size + len(new), recorded_at=new[-1].recorded_at)
        for position, each in enumerate(records, head.size):
            each.position = position
        self.unsigned += len(records)
        if self.unsigned >= _MOST_UNSIGNED:
            self.due.set()


def _entries(records: Sequence[Record], head: Head, now: datetime) -> list[NewEntry]:
    """What to add after `head`."""
    moment, salts = max(now, head.recorded_at), secrets.token_bytes(SALT_BYTES * len(records))
    return [each.entry(moment, salts[SALT_BYTES * at : SALT_BYTES * (at + 1)], now) for at, each in enumerate(records)]


def _check_clock(transaction: Transaction, now: datetime, last: datetime) -> None:
    """Raises InternalServerError for a clock behind the last entry's time that nobody has confirmed to be right."""
    confirmed = confirmed_clock(transaction, last)
    if confirmed is not None and now >= confirmed - SET_BACK:
        return
    behind = (last - now).total_seconds()
    words = (
        f"The clock of this machine is {behind:.0f} seconds behind the ledger's last entry. Nothing is done until it "
        "is right, for entries must be in the order of time. If it is right now and was wrong then, two people say so "
        "with `regard ledger resume`."
    )
    raise InternalServerError(words, public=words)


class Hearing:
    """One act that the ledger hears: what it says, and when."""

    def __init__(self, ledger: Ledger, record: Record) -> None:
        self._ledger = ledger
        self.record = record

    def tell(self) -> None:
        """Write the entry now."""
        self._ledger.append(self.record)

    # As the companion of what the act's thread writes:

    def write(self, transaction: Transaction) -> None:
        if self.record.wanting:
            self._ledger.write(transaction, [self.record])
            self._told = True

    def written(self) -> None:
        if self._told:
            self._told = False
            self.record.written()

    _told = False
