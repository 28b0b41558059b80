"""Vectors as rows: what an index is filled from."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, ScalarSelect, Table, exists, func, literal, select, true

from regard.domain.arrays import FloatArray, IntArray
from regard.store.database import Database
from regard.store.embeddings import Sizes, sound
from regard.store.feed_tables import FeedTable
from regard.store.in_lists import in_lists
from regard.store.placement_rows import held_by
from regard.store.tables.collections import collections

log = logging.getLogger(__name__)

#: Damaged vectors named in the log at once.
_NAMED = 10
#: PostgreSQL sends embeddings as they are, not as twice as much text.
_BINARY = {"binary": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """N vectors of one collection as the index takes them: keys N ascending, embeddings N×D unit rows."""

    collection_key: int
    keys: IntArray
    embeddings: FloatArray


class VectorRows:
    """The vectors of one feed, in the order of their keys; with `index_name` only of the collections that live in that
    index or are being filled into it."""

    def __init__(self, database: Database, feed: FeedTable, index_name: str | None = None) -> None:
        self._database = database
        self._feed = feed
        self._table = feed.table.c
        self._sizes = Sizes(feed.table)
        #: By collection the keys of damaged vectors: each is told of once.
        self._passed_over: dict[int, set[int]] = {}
        # Asked row by row: a plan that begins with the collections would sort the whole table.
        mine = (collections.c.key == self._table.collection_key) & held_by(index_name) if index_name else None
        self._mine = true() if mine is None else exists(literal(1)).where(mine)

    def since(self, after_key: int, limit: int) -> list[Stored]:
        """The next `limit` vectors above `after_key`, by key, grouped by collection; damaged ones are passed over."""
        table = self._table
        query = select(table.key, table.collection_key, table.embedding).where(self._mine).order_by(table.key)
        found: list[Stored] = []
        more = limit
        with self._database.read() as connection:
            while more:
                rows = connection.execute(
                    query.where(table.key > after_key).limit(more), execution_options=_BINARY
                ).all()
                batch = list(self._grouped(connection, rows))
                found += batch
                if len(rows) < more:
                    break
                after_key, more = rows[-1].key, more - sum(len(stored.keys) for stored in batch)
        return found

    def of(self, collection_key: int, after_key: int, limit: int) -> Stored | None:
        """The next `limit` vectors of one collection above `after_key`, by key; None after the last. Damaged ones are
        passed over."""
        table = self._table
        query = select(table.key, table.embedding).where(table.collection_key == collection_key).order_by(table.key)
        with self._database.read() as connection:
            while rows := connection.execute(
                query.where(table.key > after_key).limit(limit), execution_options=_BINARY
            ).all():
                after_key = rows[-1].key
                if stored := self._stored(connection, collection_key, [tuple(row) for row in rows]):
                    return stored
        return None

    def among(self, collection_key: int, keys: IntArray) -> tuple[IntArray, FloatArray]:
        """Those K of N keys that the collection has, ascending, and their K×D unit rows; 0×0 without any."""
        table = self._table
        found: list[tuple[int, bytes | None]] = []
        with self._database.read() as connection:
            for wanted in in_lists(np.unique(keys).tolist()):
                named = (table.collection_key == collection_key) & table.key.in_(wanted)
                query = select(table.key, table.embedding).where(named).order_by(table.key)
                found += [(key, blob) for key, blob in connection.execute(query)]
            stored = self._stored(connection, collection_key, found) if found else None
        if stored is None:
            return np.empty(0, np.int64), np.empty((0, 0), np.float32)
        return stored.keys, stored.embeddings

    def keys(self) -> dict[int, IntArray]:
        """Every key, ascending, by collection key; without those that were passed over."""
        query = select(self._table.collection_key, self._table.key).where(self._mine)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(self._table.collection_key, self._table.key)).all()
        if not rows:
            return {}
        owners, keys = (np.array(column, np.int64) for column in zip(*rows, strict=True))
        return {int(owners[at.start]): self._readable(int(owners[at.start]), keys[at]) for at in _runs(owners)}

    def keys_of(self, collection_key: int) -> IntArray:
        """Every key of one collection, ascending; without those that were passed over."""
        mine = self._table.collection_key == collection_key
        with self._database.read() as connection:
            found = connection.execute(select(self._table.key).where(mine).order_by(self._table.key)).scalars()
            return self._readable(collection_key, np.fromiter(found, np.int64))

    def count_since(self, after_key: int) -> int:
        """How many keys lie above `after_key`."""
        with self._database.read() as connection:
            count = select(func.count(self._table.key)).where(self._table.key > after_key, self._mine)
            return connection.execute(count).scalar_one()

    def count_of(self, collection_key: int, after_key: int) -> int:
        """How many keys of one collection lie above `after_key`."""
        mine = (self._table.collection_key == collection_key) & (self._table.key > after_key)
        with self._database.read() as connection:
            return connection.execute(select(func.count(self._table.key)).where(mine)).scalar_one()

    def damaged(self) -> dict[int, int]:
        """How many vectors were passed over, by collection."""
        return {collection_key: len(keys) for collection_key, keys in self._passed_over.items() if keys}

    def _grouped(self, connection: Connection, rows: Sequence[Any]) -> Iterator[Stored]:
        owners = np.array([row.collection_key for row in rows], np.int64)
        order = np.argsort(owners, kind="stable")
        for at in _runs(owners[order]):
            mine = [(rows[row].key, rows[row].embedding) for row in order[at].tolist()]
            if stored := self._stored(connection, int(owners[order[at.start]]), mine):
                yield stored

    def _stored(
        self, connection: Connection, collection_key: int, rows: Sequence[tuple[int, bytes | None]]
    ) -> Stored | None:
        """Those of N rows, at least one, that are sound; None if none of them is."""
        blobs = [blob for _, blob in rows]
        there, embeddings = sound(blobs, self._sizes.of(connection, collection_key, blobs))
        held = np.array([key for key, _ in rows], np.int64)
        if not there.all():
            self._pass_over(connection, collection_key, held[~there].tolist())
        return Stored(collection_key=collection_key, keys=held[there], embeddings=embeddings) if there.any() else None

    def _pass_over(self, connection: Connection, collection_key: int, keys: list[int]) -> None:
        known = self._passed_over.setdefault(collection_key, set())
        new = [key for key in keys if key not in known]
        known.update(new)
        if not new:
            return
        if self._feed.named is not None:
            named = self._feed.named.where(self._table.key.in_(new[:_NAMED]))
            for row in connection.execute(named).all():
                log.warning(
                    "The embedding of %s of the collection %s is damaged in the database and left out of every search. "
                    "`regard collections repair %s` removes it.",
                    *(row[0], row[1], row[1]),
                )
        if len(new) > _NAMED:
            log.warning("%d more are damaged; `regard collections verify` names them.", len(new) - _NAMED)

    def _readable(self, collection_key: int, keys: IntArray) -> IntArray:
        known = self._passed_over.get(collection_key)
        return keys if not known else np.setdiff1d(keys, np.fromiter(known, np.int64), assume_unique=True)


def highest(table: Table, collection_key: ColumnElement[Any] | None = None) -> ScalarSelect[int]:
    """The highest key there is, of one collection where it is named, or 0; as part of a query."""
    query = select(func.max(table.c.key))
    if collection_key is not None:
        query = query.where(table.c.collection_key == collection_key)
    return select(func.coalesce(query.scalar_subquery(), 0)).scalar_subquery()


def _runs(ordered: IntArray) -> Iterator[slice]:
    """Where each run of equal values lies."""
    cuts = [0, *(np.flatnonzero(np.diff(ordered)) + 1).tolist(), len(ordered)]
    return (slice(start, stop) for start, stop in pairwise(cuts) if stop > start)
