"""Transactions on SQLite's own connection, for the few statements that come thousands of times a second: SQLAlchemy's
part of such a transaction is 250 µs of the interpreter, which all threads share, and SQLite's is 50.

The connection is the one that was used last, and goes back to be used next: what a connection wrote itself does not
make it read its pages again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError


class PlainWrites:
    """Writes on connections of an engine of SQLite's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One that holds the writers' lock from its beginning; committed in the end, undone if the block raises. Raises
        what SQLAlchemy does."""
        with self._connection() as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def execute(self, statement: str, values: Sequence[object]) -> int:
        """A statement that is a transaction by itself, and how many rows it changed: the interpreter is given away, and
        has to be had back, once. Raises what SQLAlchemy does."""
        with self._connection() as connection:
            return connection.execute(statement, values).rowcount

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        pooled = self._engine.raw_connection()
        try:
            yield cast(sqlite3.Connection, pooled.driver_connection)
        except sqlite3.Error as error:
            raise _understood(error) from error
        finally:
            pooled.close()


def _understood(error: sqlite3.Error) -> DBAPIError:
    """The error as SQLAlchemy raises it."""
    return cast(DBAPIError, DBAPIError.instance(None, None, error, sqlite3.Error, hide_parameters=True))
