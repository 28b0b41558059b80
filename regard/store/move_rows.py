"""Moves: collections on their way from one index to another, or filled again where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from regard.domain.galleries import EMBEDDED, Collection
from regard.store.collection_guard import guard
from regard.store.database import Database
from regard.store.deletion_rows import note_emptied
from regard.store.tables.collections import collections
from regard.store.tables.index_state import index_move_progress, index_moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Into the index of this name; `reached` is by feed the key up to which it has come, nothing before the first."""

    index: str
    reached: Mapping[str, int] = field(default_factory=dict)


class MoveRows:
    """Begin, end and give up moves. Deletions tell every server which index is to forget a collection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, collection: Collection) -> Move | None:
        progress = index_move_progress
        steps = select(progress.c.feed, progress.c.key).where(progress.c.collection_key == collection.key)
        with self._database.read() as connection:
            index_name = connection.execute(select(index_moves.c.index_name).where(_mine(collection))).scalar()
            reached = {row.feed: row.key for row in connection.execute(steps)}
        return None if index_name is None else Move(index=index_name, reached=reached)

    def unfinished(self) -> dict[str, str]:
        """Into which index, by the collection's id."""
        query = select(collections.c.id, index_moves.c.index_name).join_from(index_moves, collections)
        with self._database.read() as connection:
            return {row.id: row.index_name for row in connection.execute(query.order_by(collections.c.id))}

    def begin(self, collection: Collection, index_name: str) -> Move:
        """From now on what is written to the collection goes into that shared index too, which begins with nothing."""
        with self._database.write() as connection:
            guard(connection, collection.key, change=True)
            connection.execute(delete(index_moves).where(_mine(collection)))
            row = {"collection_key": collection.key, "index_name": index_name}
            connection.execute(insert(index_moves).values(row))
            note_emptied(connection, collection.key, index_name)
        return Move(index=index_name)

    def end(self, collection: Collection, index_name: str) -> None:
        """The collection lives in that index now; where it lived it is forgotten."""
        with self._database.write() as connection:
            before = guard(connection, collection.key, change=True).index_name
            connection.execute(delete(index_moves).where(_mine(collection)))
            if before == index_name:
                return
            here = collections.c.key == collection.key
            connection.execute(update(collections).where(here).values(index_name=index_name))
            note_emptied(connection, collection.key, before)
            if index_name == EMBEDDED:  # every server reads it again
                note_emptied(connection, collection.key, EMBEDDED)

    def give_up(self, collection: Collection) -> str | None:
        """Stay where it is; what has come elsewhere is forgotten. The index it was to move into, None without."""
        with self._database.write() as connection:
            lives_in = guard(connection, collection.key, change=True).index_name
            query = select(index_moves.c.index_name).where(_mine(collection))
            into: str | None = connection.execute(query).scalar_one_or_none()
            if into is None or into == lives_in:
                return None
            connection.execute(delete(index_moves).where(_mine(collection)))
            note_emptied(connection, collection.key, into)
        return into


def reach(connection: Connection, collection_key: int, feed: str, key: int) -> None:
    """The move of that collection has come so far with a feed; nothing if it was given up."""
    progress = index_move_progress
    connection.execute(delete(progress).where(progress.c.collection_key == collection_key, progress.c.feed == feed))
    moving = select(index_moves.c.collection_key).where(index_moves.c.collection_key == collection_key)
    if connection.execute(moving).scalar() is not None:
        row = {"collection_key": collection_key, "feed": feed, "key": key}
        connection.execute(insert(progress).values(row))


def _mine(collection: Collection) -> ColumnElement[bool]:
    return index_moves.c.collection_key == collection.key
