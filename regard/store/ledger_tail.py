"""The end of the ledger, where entries are added: within a transaction that changes something else too, or in one that
adds entries and nothing more, which is to take as little time as it can."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from regard.domain.instants import EPOCH, instant, microseconds
from regard.store import ledger_rows
from regard.store.database import Database, Transaction
from regard.store.ledger_rows import Head, NewEntry

_HEAD = "SELECT position, recorded_at FROM ledger_entries ORDER BY position DESC LIMIT 1"
_ADD = "INSERT INTO ledger_entries (position, leaf, recorded_at, salt, body, request_id) VALUES "
_ROW = "(?, ?, ?, ?, ?, ?)"
_ADD_AFTER = "INSERT INTO ledger_entries (position, leaf, recorded_at, salt, body, request_id) SELECT * FROM (VALUES "
_IF_LAST = f") WHERE (?, ?) = ({_HEAD})"
#: Rows of one statement: each execution hands the interpreter to other threads, and has to have it back.
_ROWS = 64


class LedgerTail(Protocol):
    """The end of the ledger in a transaction: nobody else can add entries until that ends."""

    def head(self) -> Head:
        """As `ledger_rows.head`."""

    def add(self, first: int, new: Sequence[NewEntry]) -> None:
        """As `ledger_rows.add_entries`."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """What else there is to read in the database."""


class JoinedTail:
    """In a transaction of somebody else's."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def head(self) -> Head:
        return ledger_rows.head(self._transaction)

    def add(self, first: int, new: Sequence[NewEntry]) -> None:
        ledger_rows.add_entries(self._transaction, first, new)

    def reading(self) -> AbstractContextManager[Transaction]:
        return nullcontext(self._transaction)


class _PlainTail:
    """In a transaction of its own on SQLite's connection."""

    def __init__(self, database: Database, connection: sqlite3.Connection) -> None:
        self._database = database
        self._connection = connection

    def head(self) -> Head:
        row = self._connection.execute(_HEAD).fetchone()
        return Head(size=0, recorded_at=EPOCH) if row is None else Head(size=row[0] + 1, recorded_at=instant(row[1]))

    def add(self, first: int, new: Sequence[NewEntry]) -> None:
        for start in range(0, len(new), _ROWS):
            some = new[start : start + _ROWS]
            self._connection.execute(_ADD + ", ".join([_ROW] * len(some)), _values(first + start, some))

    def reading(self) -> AbstractContextManager[Transaction]:
        return self._database.read()


def add_after(database: Database, head: Head, new: Sequence[NewEntry]) -> bool:
    """Add entries in a transaction of their own, on disk when this returns, if the ledger still ends at `head`; whether
    it does. It may say no where `own_tail` has to be asked: to many entries, to the first, and beside SQLite.

    One statement finds out, adds and commits. Whoever counts on where the ledger ended when they last looked is right
    unless another process, or an act that changes something, has added an entry since.
    """
    if not database.writes_plainly or not head.size or len(new) > _ROWS:
        return False
    last = (head.size - 1, microseconds(head.recorded_at))
    statement = _ADD_AFTER + ", ".join([_ROW] * len(new)) + _IF_LAST
    return database.write_at_once(statement, [*_values(head.size, new), *last]) == len(new)


def _values(first: int, new: Sequence[NewEntry]) -> list[int | bytes | str | None]:
    values: list[int | bytes | str | None] = []
    for position, each in enumerate(new, first):
        recorded_at = microseconds(each.recorded_at)
        values += (position, each.leaf, recorded_at, each.salt, each.body, each.request_id or None)
    return values


@contextmanager
def own_tail(database: Database) -> Iterator[LedgerTail]:
    """The end of the ledger in a transaction for entries alone, on disk when the block ends."""
    if database.writes_plainly:
        with database.write_plainly() as connection:
            yield _PlainTail(database, connection)
    else:
        with database.write() as transaction:
            yield JoinedTail(transaction)
