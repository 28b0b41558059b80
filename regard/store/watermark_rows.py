"""Watermarks: how far SQL is, how far a shared index has followed, and where a collection lives; in one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, literal, select

from regard.store.checkpoint_rows import Position
from regard.store.database import Database
from regard.store.tables.collections import collections
from regard.store.tables.deletions import deletions
from regard.store.tables.faces import faces
from regard.store.tables.index_state import index_moves, index_positions
from regard.store.tables.users import user_vectors
from regard.store.vector_rows import highest

_LAST = select(func.coalesce(func.max(deletions.c.seq), 0)).scalar_subquery()
_JOURNAL = select(deletions).order_by(deletions.c.seq)
#: Faces, then users; what an index is called that follows the one or the other.
TRACKS = ("faces", "users")
_TABLES = (faces, user_vectors)

#: One line of the journal.
Entry = Row[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """SQL at one moment: the last removal and the highest keys, of faces and of users; and how far the shared index is.

    Of the collection asked about: where it lives, what it is being filled into, its own highest keys. Asked about none,
    everything is meant.
    """

    journal: int
    highest: tuple[int, int]
    own: tuple[int, int]
    lives_in: str | None
    filling: str | None
    positions: tuple[Position | None, Position | None]


class Watermarks:
    """Reads them from committed rows; `shared` is the name of the shared index."""

    def __init__(self, database: Database, shared: str) -> None:
        self._database = database
        self._of_all, self._of_one = _query(shared, one=False), _query(shared, one=True)

    def read(self, collection_key: int | None = None) -> Watermark:
        with self._database.read() as connection:
            if collection_key is None:
                row = connection.execute(self._of_all).one()
            else:
                row = connection.execute(self._of_one, {"collection_key": collection_key}).one()
        return Watermark(
            journal=row.journal,
            highest=(row.faces, row.users),
            own=(row.own_faces, row.own_users),
            lives_in=row.lives_in,
            filling=row.filling,
            positions=(_position(row, "faces"), _position(row, "users")),
        )

    def entries(self, after: int) -> Sequence[Entry]:
        """The deletions after one."""
        with self._database.read() as connection:
            return connection.execute(_JOURNAL.where(deletions.c.seq > after)).all()

    def disturbed(self, collection_key: int, since: int, *, users: bool) -> bool:
        """Whether an index was emptied of the collection after that removal; for `users` also: any user's vector."""
        mine = (
            (deletions.c.seq > since) & (deletions.c.collection_key == collection_key) & deletions.c.face_key.is_(None)
        )
        if not users:
            mine &= deletions.c.user_vector_key.is_(None)
        with self._database.read() as connection:
            return connection.execute(select(literal(1)).where(mine).limit(1)).scalar_one_or_none() is not None

    def highest_removed(self, gone: str) -> int:
        """Of one of the journal's columns."""
        with self._database.read() as connection:
            highest: int = connection.execute(select(func.coalesce(func.max(deletions.c[gone]), 0))).scalar_one()
        return highest

    def collections(self, where: ColumnElement[bool]) -> list[int]:
        """The keys of those collections, ascending."""
        with self._database.read() as connection:
            found = connection.execute(select(collections.c.key).where(where).order_by(collections.c.key))
            return list(found.scalars())


def _query(shared: str, *, one: bool) -> Select[tuple[Any, ...]]:
    key = bindparam("collection_key") if one else literal(None)
    rows = [highest(table) for table in _TABLES]
    own = [highest(table, key) for table in _TABLES] if one and shared else rows
    columns = [_LAST.label("journal")]
    columns += [each.label(name) for name, each in zip(TRACKS, rows, strict=True)]
    columns += [each.label(f"own_{name}") for name, each in zip(TRACKS, own, strict=True)]
    columns += [collections.c.index_name.label("lives_in"), index_moves.c.index_name.label("filling")]
    joined = select(literal(1)).subquery("now").outerjoin(collections, collections.c.key == key)
    joined = joined.outerjoin(index_moves, index_moves.c.collection_key == collections.c.key)
    for name in TRACKS if shared else ():
        position = index_positions.alias(f"{name}_position")
        joined = joined.outerjoin(position, and_(position.c.index_name == shared, position.c.track == name))
        columns += [position.c[each].label(f"{name}_{each}") for each in ("identity", "journal", "key", "moment")]
    return select(*columns).select_from(joined)


def _position(row: Row[tuple[Any, ...]], name: str) -> Position | None:
    identity = getattr(row, f"{name}_identity", None)
    if identity is None:
        return None
    journal, key, moment = (getattr(row, f"{name}_{each}") for each in ("journal", "key", "moment"))
    return Position(identity=identity, journal=journal, key=key, moment=moment)
