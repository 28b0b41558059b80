"""Vectors as rows: what an index is filled from. Kept as float16, little-endian; read as unit vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, ScalarSelect, Table, exists, func, literal, select, true

from regard.domain.arrays import FloatArray, IntArray
from regard.store.database import Database
from regard.store.feed_tables import FeedTable
from regard.store.in_lists import in_lists
from regard.store.placement_rows import held_by
from regard.store.tables.collections import collections

_STORED = np.dtype("<f2")
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
        self._table = feed.table.c
        # Asked row by row: a plan that begins with the collections would sort the whole table.
        mine = (collections.c.key == self._table.collection_key) & held_by(index_name) if index_name else None
        self._mine = true() if mine is None else exists(literal(1)).where(mine)

    def since(self, after_key: int, limit: int) -> list[Stored]:
        """The next `limit` vectors above `after_key`, by key, grouped by collection."""
        table = self._table
        query = select(table.key, table.collection_key, table.embedding).where(table.key > after_key, self._mine)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.key).limit(limit), execution_options=_BINARY).all()
        if not rows:
            return []
        keys, owners, blobs = zip(*rows, strict=True)
        return list(_grouped(np.array(keys, np.int64), np.array(owners, np.int64), blobs))

    def of(self, collection_key: int, after_key: int, limit: int) -> Stored | None:
        """The next `limit` vectors of one collection above `after_key`, by key; None after the last."""
        table = self._table
        mine = (table.collection_key == collection_key) & (table.key > after_key)
        with self._database.read() as connection:
            query = select(table.key, table.embedding).where(mine).order_by(table.key).limit(limit)
            rows = connection.execute(query, execution_options=_BINARY).all()
        if not rows:
            return None
        keys, blobs = zip(*rows, strict=True)
        return Stored(collection_key=collection_key, keys=np.array(keys, np.int64), embeddings=units(blobs))

    def among(self, collection_key: int, keys: IntArray) -> tuple[IntArray, FloatArray]:
        """Those K of N keys that the collection has, ascending, and their K×D unit rows; 0×0 without any."""
        table = self._table
        found: list[tuple[int, bytes]] = []
        with self._database.read() as connection:
            for wanted in in_lists(np.unique(keys).tolist()):
                named = (table.collection_key == collection_key) & table.key.in_(wanted)
                query = select(table.key, table.embedding).where(named).order_by(table.key)
                found += [(key, blob) for key, blob in connection.execute(query)]
        if not found:
            return np.empty(0, np.int64), np.empty((0, 0), np.float32)
        there, blobs = zip(*found, strict=True)
        return np.array(there, np.int64), units(blobs)

    def keys(self) -> dict[int, IntArray]:
        """Every key, ascending, by collection key."""
        query = select(self._table.collection_key, self._table.key).where(self._mine)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(self._table.collection_key, self._table.key)).all()
        if not rows:
            return {}
        owners, keys = (np.array(column, np.int64) for column in zip(*rows, strict=True))
        return {int(owners[at.start]): keys[at] for at in _runs(owners)}

    def keys_of(self, collection_key: int) -> IntArray:
        """Every key of one collection, ascending."""
        mine = self._table.collection_key == collection_key
        with self._database.read() as connection:
            found = connection.execute(select(self._table.key).where(mine).order_by(self._table.key)).scalars()
            return np.fromiter(found, np.int64)

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


def highest(table: Table, collection_key: ColumnElement[Any] | None = None) -> ScalarSelect[int]:
    """The highest key there is, of one collection where it is named, or 0; as part of a query."""
    query = select(func.max(table.c.key))
    if collection_key is not None:
        query = query.where(table.c.collection_key == collection_key)
    return select(func.coalesce(query.scalar_subquery(), 0)).scalar_subquery()


def packed(vectors: FloatArray) -> list[bytes]:
    """N×D vectors as N rows keep them."""
    return [vector.tobytes() for vector in vectors.astype(_STORED)]


def units(blobs: Sequence[bytes]) -> FloatArray:
    """N kept vectors of one size as N×D unit rows: float16 rounding has left them a little off length 1."""
    vectors = np.frombuffer(b"".join(blobs), _STORED).reshape(len(blobs), -1).astype(np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    vectors /= np.maximum(lengths, np.finfo(np.float32).tiny)[:, None]
    return vectors


def _grouped(keys: IntArray, owners: IntArray, blobs: Sequence[bytes]) -> Iterator[Stored]:
    order = np.argsort(owners, kind="stable")
    for at in _runs(owners[order]):
        rows = order[at]
        yield Stored(
            collection_key=int(owners[rows[0]]), keys=keys[rows], embeddings=units([blobs[row] for row in rows])
        )


def _runs(ordered: IntArray) -> Iterator[slice]:
    """Where each run of equal values lies."""
    cuts = [0, *(np.flatnonzero(np.diff(ordered)) + 1).tolist(), len(ordered)]
    return (slice(start, stop) for start, stop in pairwise(cuts) if stop > start)
