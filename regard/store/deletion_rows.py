"""Deletions: what every index still has to forget, in the order in which it went. They are read in batches, and pruned
when no shared index needs them any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, literal, not_, or_, select

from regard.store.database import Database
from regard.store.feed_tables import FeedTable
from regard.store.gallery_size_rows import change_size
from regard.store.tables.deletions import deletions, pruned_deletions
from regard.store.tables.index_state import index_checkpoints

#: Deletions that are kept though every shared index has made them: an embedded index that is behind by no more than
#: these need not be compared with SQL.
KEPT_DELETIONS = 100_000
#: Deletions pruned in one transaction, which other writers wait for.
PRUNED_DELETIONS = 10_000

_PRUNED = select(func.coalesce(func.max(pruned_deletions.c.seq), 0))


class DeletionsPruned(Exception):
    """Deletions that were asked for have been pruned: compare keys with SQL instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """One vector of a feed went; without feed and key, all that the collection has in the index of this name, or in
    every index."""

    seq: int
    collection_key: int
    feed: str | None = None
    key: int | None = None
    index_name: str | None = None

    def empties(self, index_name: str) -> bool:
        """Whether that index is to forget the whole collection, and perhaps to begin again with it."""
        return self.feed is None and self.index_name in (None, index_name)


class DeletionRows:
    """Read deletions, and prune them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def batch(self, after: int, up_to: int, limit: int) -> list[Deletion]:
        """The first `limit` deletions above one number and not above another. Raises DeletionsPruned."""
        query = select(deletions).where(deletions.c.seq > after, deletions.c.seq <= up_to)
        with self._database.read() as connection:  # one snapshot: nothing is pruned between the two
            rows = connection.execute(query.order_by(deletions.c.seq).limit(limit)).all()
            if after < connection.execute(_PRUNED).scalar_one():
                raise DeletionsPruned
        return [Deletion(**row._mapping) for row in rows]

    def emptied(self, after: int, limit: int, index_name: str) -> set[int]:
        """The collections that this index is to forget whole by the first `limit` such deletions above a number."""
        mine = or_(deletions.c.index_name.is_(None), deletions.c.index_name == index_name)
        query = select(deletions.c.collection_key).where(deletions.c.seq > after, deletions.c.feed.is_(None), mine)
        with self._database.read() as connection:
            return set(connection.execute(query.order_by(deletions.c.seq).limit(limit)).scalars())

    def disturbed(self, table: FeedTable, collection_key: int, since: int) -> bool:
        """Whether after that deletion an index was emptied of the collection, or a vector of it replaced."""
        kind: ColumnElement[bool] = deletions.c.feed.is_(None)
        if table.replaces:
            kind |= deletions.c.feed == table.feed
        mine = (deletions.c.seq > since) & (deletions.c.collection_key == collection_key) & kind
        found = select(exists(literal(1)).where(mine) | (_PRUNED.scalar_subquery() > since))
        with self._database.read() as connection:
            return bool(connection.execute(found).scalar_one())

    def highest_key(self, feed: str) -> int:
        """The highest key of a feed that was ever deleted; 0 before the first."""
        query = select(func.coalesce(func.max(deletions.c.key), 0)).where(deletions.c.feed == feed)
        with self._database.read() as connection:
            highest: int = connection.execute(query).scalar_one()
        return highest

    def wants_pruning(self, last: int, pruned: int) -> bool:
        """Whether there are enough to be pruned, by the numbers of the last one and of the last one pruned."""
        return last - pruned >= KEPT_DELETIONS + PRUNED_DELETIONS

    def prune(self) -> int:
        """Forget some of what every shared index has made; how many numbers those were. Never in a `write`.

        The last of all stays, and of every feed that of the highest key of those to be pruned: by these a restored
        database is known.
        """
        with self._database.read() as connection:
            pruned, up_to = self._range(connection)
        if up_to - pruned < PRUNED_DELETIONS:
            return 0
        with self._database.write() as connection:
            pruned, up_to = self._range(connection)
            old = deletions.c.seq <= up_to
            highest = select(deletions.c.feed, func.max(deletions.c.key)).where(old, deletions.c.feed.is_not(None))
            kept = [
                and_(deletions.c.feed == feed, deletions.c.key == key)
                for feed, key in connection.execute(highest.group_by(deletions.c.feed))
            ]
            connection.execute(delete(deletions).where(old, *(not_(func.coalesce(each, False)) for each in kept)))
            connection.execute(delete(pruned_deletions))
            connection.execute(insert(pruned_deletions).values(seq=up_to))
        return up_to - pruned

    def _range(self, connection: Connection) -> tuple[int, int]:
        """Above which number, and up to which, deletions may be pruned at once."""
        last = connection.execute(select(func.coalesce(func.max(deletions.c.seq), 0))).scalar_one()
        least: int | None = connection.execute(select(func.min(index_checkpoints.c.deletion))).scalar_one()
        pruned: int = connection.execute(_PRUNED).scalar_one()
        may_go = last - KEPT_DELETIONS if least is None else min(last - KEPT_DELETIONS, least)
        return pruned, max(pruned, min(may_go, pruned + PRUNED_DELETIONS))


def note_deleted(connection: Connection, collection_key: int, feed: str, keys: Iterable[int]) -> None:
    """These vectors of the collection go in this transaction."""
    rows = [{"collection_key": collection_key, "feed": feed, "key": key} for key in keys]
    if rows:
        connection.execute(insert(deletions), rows)
        change_size(connection, collection_key, feed, -len(rows))


def note_emptied(connection: Connection, collection_key: int, index_name: str | None = None) -> None:
    """That index, or every one, is to forget the whole collection; it begins again with it if the collection lives
    there."""
    connection.execute(insert(deletions).values(collection_key=collection_key, index_name=index_name))
