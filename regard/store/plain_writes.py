"""Transactions on SQLite's own connection, for the few statements that come thousands of times a second: SQLAlchemy's
part of such a transaction is 250 µs of the interpreter, which all threads share, and SQLite's is 50."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection


class PlainWrites:
    """One connection of an engine of SQLite's, kept from the first transaction until `close`. One thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pooled: PoolProxiedConnection | None = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One that holds the writers' lock from its beginning; committed in the end, undone if the block raises. Raises
        what SQLAlchemy does."""
        connection = self._connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _understood(error) from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def execute(self, statement: str, values: Sequence[object]) -> int:
        """A statement that is a transaction by itself, and how many rows it changed: the interpreter is given away, and
        has to be had back, once. Raises what SQLAlchemy does."""
        try:
            return self._connection().execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise _understood(error) from error

    def _connection(self) -> sqlite3.Connection:
        if self._pooled is None:
            self._pooled = self._engine.raw_connection()
        return cast(sqlite3.Connection, self._pooled.driver_connection)

    def close(self) -> None:
        if self._pooled is not None:
            self._pooled.close()
            self._pooled = None


def _understood(error: sqlite3.Error) -> DBAPIError:
    """The error as SQLAlchemy raises it."""
    return cast(DBAPIError, DBAPIError.instance(None, None, error, sqlite3.Error, hide_parameters=True))
