"""Watermarks: how far SQL is, how far a shared index has followed, and where a collection lives; in one query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, func, literal, select

from regard.store.checkpoint_rows import Checkpoint
from regard.store.database import Database
from regard.store.feed_tables import FeedTable
from regard.store.tables.collections import collections
from regard.store.tables.deletions import deletions, pruned_deletions
from regard.store.tables.index_state import index_checkpoints, index_moves
from regard.store.vector_rows import highest

_LAST_DELETION = select(func.coalesce(func.max(deletions.c.seq), 0)).scalar_subquery()
_PRUNED = select(func.coalesce(func.max(pruned_deletions.c.seq), 0)).scalar_subquery()
_CHECKPOINT = ("identity", "deletion", "key", "moment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """SQL at one moment: the last deletion, the last one that was pruned, and by feed the highest key and how far the
    shared index has come.

    Of the collection asked about: where it lives, what it is being filled into, its own highest keys. Asked about none,
    everything is meant.
    """

    last_deletion: int
    pruned: int
    highest: Mapping[str, int]
    own: Mapping[str, int]
    lives_in: str | None
    filling: str | None
    checkpoints: Mapping[str, Checkpoint | None]


class Watermarks:
    """Reads them of these feeds, from committed rows; `shared` is the name of the shared index, if there is one."""

    def __init__(self, database: Database, tables: Sequence[FeedTable], shared: str) -> None:
        self._database = database
        self._feeds = [table.feed for table in tables]
        self._own = bool(shared)
        self._of_all, self._of_one = _query(tables, shared, one=False), _query(tables, shared, one=True)

    def read(self, collection_key: int | None = None) -> Watermark:
        with self._database.read() as connection:
            if collection_key is None:
                row = connection.execute(self._of_all).one()
            else:
                row = connection.execute(self._of_one, {"collection_key": collection_key}).one()
        highest = {feed: getattr(row, f"{feed}_highest") for feed in self._feeds}
        return Watermark(
            last_deletion=row.last_deletion,
            pruned=row.pruned,
            highest=highest,
            own={feed: getattr(row, f"{feed}_own") for feed in self._feeds} if self._own else highest,
            lives_in=row.lives_in,
            filling=row.filling,
            checkpoints={feed: _checkpoint(row, feed) for feed in self._feeds},
        )


def _query(tables: Sequence[FeedTable], shared: str, *, one: bool) -> Select[tuple[Any, ...]]:
    key = bindparam("collection_key") if one else literal(None)
    columns: list[Any] = [_LAST_DELETION.label("last_deletion"), _PRUNED.label("pruned")]
    columns += [highest(each.table).label(f"{each.feed}_highest") for each in tables]
    columns += [collections.c.index_name.label("lives_in"), index_moves.c.index_name.label("filling")]
    joined = select(literal(1)).subquery("now").outerjoin(collections, collections.c.key == key)
    joined = joined.outerjoin(index_moves, index_moves.c.collection_key == collections.c.key)
    for each in tables if shared else ():
        own = highest(each.table, key) if one else highest(each.table)
        row = index_checkpoints.alias(f"{each.feed}_checkpoint")
        joined = joined.outerjoin(row, and_(row.c.index_name == shared, row.c.feed == each.feed))
        columns += [own.label(f"{each.feed}_own")]
        columns += [row.c[name].label(f"{each.feed}_{name}") for name in _CHECKPOINT]
    return select(*columns).select_from(joined)


def _checkpoint(row: Row[tuple[Any, ...]], feed: str) -> Checkpoint | None:
    identity = getattr(row, f"{feed}_identity", None)
    if identity is None:
        return None
    deletion, key, moment = (getattr(row, f"{feed}_{name}") for name in _CHECKPOINT[1:])
    return Checkpoint(identity=identity, deletion=deletion, key=key, moment=moment)
