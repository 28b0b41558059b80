"""Vectors as rows: what an index is filled from. Kept as float16, little-endian; read as unit vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sqlalchemy import ScalarSelect, Table, func, select

from regard.domain import FloatArray, IntArray
from regard.store.database import Database

_STORED = np.dtype("<f2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """N vectors of one collection as the index takes them: keys N ascending, embeddings N×D unit rows."""

    collection_key: int
    keys: IntArray
    embeddings: FloatArray


class VectorRows:
    """One table that has `key`, `collection_key` and `embedding`, in the order of its keys."""

    def __init__(self, database: Database, table: Table) -> None:
        self._database = database
        self._table = table.c

    def highest(self) -> ScalarSelect[int]:
        """The highest key there is, or 0, as part of a query."""
        return select(func.coalesce(func.max(self._table.key), 0)).scalar_subquery()

    def since(self, after_key: int, limit: int) -> list[Stored]:
        """The next `limit` vectors above `after_key`, by key, grouped by collection."""
        table = self._table
        query = select(table.key, table.collection_key, table.embedding).where(table.key > after_key)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.key).limit(limit)).all()
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
            rows = connection.execute(query).all()
        if not rows:
            return None
        keys, blobs = zip(*rows, strict=True)
        return Stored(collection_key=collection_key, keys=np.array(keys, np.int64), embeddings=units(blobs))

    def keys(self) -> dict[int, IntArray]:
        """Every key, ascending, by collection key."""
        query = select(self._table.collection_key, self._table.key)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(self._table.collection_key, self._table.key)).all()
        if not rows:
            return {}
        owners, keys = (np.array(column, np.int64) for column in zip(*rows, strict=True))
        return {int(owners[at.start]): keys[at] for at in _runs(owners)}

    def count_since(self, after_key: int) -> int:
        """How many keys lie above `after_key`."""
        with self._database.read() as connection:
            count = select(func.count(self._table.key)).where(self._table.key > after_key)
            return connection.execute(count).scalar_one()


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
