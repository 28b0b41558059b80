"""Checkpoints: how far an index that several servers share has followed SQL. SQL keeps them, for it cannot be ahead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert

from regard.store import move_rows
from regard.store.database import Database
from regard.store.tables.index_state import index_checkpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The index of this `identity` has every vector of a feed up to `key`, less every one deleted up to `deletion`.

    `moment` is when that was so, by its own clock.
    """

    identity: str
    deletion: int
    key: int
    moment: int = 0


class CheckpointRows:
    """The checkpoints of one shared index, one for each feed."""

    def __init__(self, database: Database, index_name: str) -> None:
        self._database = database
        self._index_name = index_name

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Be the only one of all threads and servers that brings the index on, while others write to SQL.

        What is said in it takes effect when it ends. Raises InternalServerError if it is taken away.
        """
        with self._database.turn() as connection:
            yield Turn(connection, self._index_name)


class Turn:
    """The time in which one server alone brings a shared index on. Made by `CheckpointRows.turn`."""

    def __init__(self, connection: Connection, index_name: str) -> None:
        self._connection = connection
        self._index_name = index_name

    def confirm(self) -> None:
        """Make sure that it still lasts. Raises InternalServerError if it was given to another server."""
        self._connection.exec_driver_sql("SELECT 1").close()

    def reach(self, feed: str, checkpoint: Checkpoint) -> None:
        """The index has come so far with a feed."""
        table = index_checkpoints
        mine = (table.c.index_name == self._index_name) & (table.c.feed == feed)
        self._connection.execute(delete(table).where(mine))
        row = {"index_name": self._index_name, "feed": feed, **asdict(checkpoint)}
        self._connection.execute(insert(table).values(row))

    def reach_in_move(self, collection_key: int, feed: str, key: int) -> None:
        """A collection that is being filled in has come so far with a feed."""
        move_rows.reach(self._connection, collection_key, feed, key)
