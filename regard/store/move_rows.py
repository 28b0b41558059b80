"""Moves: collections on their way from one index to another, or filled anew where they are."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from regard.domain.galleries import EMBEDDED, Collection
from regard.errors import ResourceNotFound
from regard.store.database import Database
from regard.store.tables.collections import collections
from regard.store.tables.deletions import deletions
from regard.store.tables.index_state import index_moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Into the index of this name; `faces` and `users` are the keys up to which it has come."""

    index: str
    faces: int = 0
    users: int = 0


class MoveRows:
    """Begin, end and give up moves. The journal tells every server which index is to forget a collection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, collection: Collection) -> Move | None:
        with self._database.read() as connection:
            row = connection.execute(select(index_moves).where(_mine(collection))).one_or_none()
        return None if row is None else Move(index=row.index_name, faces=row.faces, users=row.users)

    def unfinished(self) -> dict[str, str]:
        """Into which index, by the collection's id."""
        query = select(collections.c.id, index_moves.c.index_name).join_from(index_moves, collections)
        with self._database.read() as connection:
            return {row.id: row.index_name for row in connection.execute(query.order_by(collections.c.id))}

    def begin(self, collection: Collection, index_name: str) -> Move:
        """From now on what is written to the collection goes into that shared index too, which begins with nothing."""
        with self._database.write() as connection:
            _lives_in(connection, collection)
            connection.execute(delete(index_moves).where(_mine(collection)))
            row = {"collection_key": collection.key, "index_name": index_name, "faces": 0, "users": 0}
            connection.execute(insert(index_moves).values(row))
            _empty(connection, collection, index_name)
        return Move(index=index_name)

    def end(self, collection: Collection, index_name: str) -> None:
        """The collection lives in that index now; where it lived it is forgotten."""
        with self._database.write() as connection:
            before = _lives_in(connection, collection)
            connection.execute(delete(index_moves).where(_mine(collection)))
            if before == index_name:
                return
            here = collections.c.key == collection.key
            connection.execute(update(collections).where(here).values(index_name=index_name))
            _empty(connection, collection, before)
            if index_name == EMBEDDED:  # every server reads it again
                _empty(connection, collection, EMBEDDED)

    def give_up(self, collection: Collection) -> str | None:
        """Stay where it is; what has come elsewhere is forgotten. The index it was to move into, None without."""
        with self._database.write() as connection:
            lives_in = _lives_in(connection, collection)
            query = select(index_moves.c.index_name).where(_mine(collection))
            into: str | None = connection.execute(query).scalar_one_or_none()
            if into is None or into == lives_in:
                return None
            connection.execute(delete(index_moves).where(_mine(collection)))
            _empty(connection, collection, into)
        return into


def note(connection: Connection, collection_key: int, track: str, key: int) -> None:
    """The move has come so far."""
    mine = index_moves.c.collection_key == collection_key
    connection.execute(update(index_moves).where(mine).values({track: key}))


def _mine(collection: Collection) -> ColumnElement[bool]:
    return index_moves.c.collection_key == collection.key


def _lives_in(connection: Connection, collection: Collection) -> str:
    here = select(collections.c.index_name).where(collections.c.key == collection.key).with_for_update()
    name = connection.execute(here).scalar_one_or_none()
    if name is None:
        raise ResourceNotFound("The collection was deleted meanwhile.")
    return str(name)


def _empty(connection: Connection, collection: Collection, index_name: str) -> None:
    connection.execute(insert(deletions).values(collection_key=collection.key, index_name=index_name))
