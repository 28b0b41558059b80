"""Embeddings as rows keep them, float16, little-endian, and whether what is kept is one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from sqlalchemy import Connection, Table, func, select

from regard.domain.arrays import BoolArray, FloatArray
from regard.errors import InternalServerError

_STORED = np.dtype("<f2")
#: How far from 1 the length of a unit vector may be once it has been rounded to float16.
ROUNDING = 2e-3
#: Rows that tell which size is the usual one of a collection.
_ASKED_ROWS = 200


class Sizes:
    """How many bytes an embedding of each collection has: as most of its first ones do. Safe to use from threads."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._known: dict[int, int] = {}

    def of(self, connection: Connection, collection_key: int, blobs: Iterable[bytes | None]) -> int:
        """The size, asked of the database when these are not all of the one that is known."""
        known = self._known.get(collection_key)
        if known is None or any(len(blob or b"") != known for blob in blobs):
            known = self._known[collection_key] = self._usual(connection, collection_key)
        return known

    def _usual(self, connection: Connection, collection_key: int) -> int:
        columns = self._table.c
        first = select(func.length(columns.embedding).label("size")).where(columns.collection_key == collection_key)
        some = first.order_by(columns.key).limit(_ASKED_ROWS).subquery()
        usual = (
            select(some.c.size)
            .where(some.c.size > 0)
            .group_by(some.c.size)
            .order_by(func.count().desc(), some.c.size.desc())
            .limit(1)
        )
        found = connection.execute(usual).scalar_one_or_none()
        return found or 0


def packed(vectors: FloatArray) -> list[bytes]:
    """N×D vectors as N rows keep them."""
    return [vector.tobytes() for vector in vectors.astype(_STORED)]


def units(blobs: Sequence[bytes]) -> FloatArray:
    """N kept vectors of one size as N×D unit rows: float16 rounding has left them a little off length 1.

    Raises InternalServerError where one is damaged.
    """
    there, rows = sound(blobs, len(blobs[0] or b"") if blobs else 0)
    if not there.all():
        raise InternalServerError(
            "An embedding in the database is damaged. `regard collections verify` names it, and "
            "`regard collections repair` removes it."
        )
    return rows


def one_sound(blob: bytes | None, size: int, name: str) -> FloatArray:
    """A kept vector of `size` bytes as a unit vector, D long. Raises InternalServerError where it is damaged."""
    there, rows = sound([blob], size)
    if not there.all():
        raise InternalServerError(
            f"The embedding of {name} is damaged in the database. `regard collections repair` removes it.",
            public=f"The embedding of {name} is damaged in the database; its operator can remove it.",
        )
    return np.asarray(rows[0], np.float32)


def sound(blobs: Sequence[bytes | None], size: int) -> tuple[BoolArray, FloatArray]:
    """Which of N kept vectors are unit vectors of `size` bytes, and those K as K×D unit rows."""
    there = np.fromiter((len(blob or b"") == size for blob in blobs), bool, len(blobs))
    if size == 0 or size % _STORED.itemsize:
        return np.zeros(len(blobs), bool), np.empty((0, 0), np.float32)
    right = b"".join(blob for blob, is_right in zip(blobs, there.tolist(), strict=True) if blob and is_right)
    vectors = np.frombuffer(right, _STORED).reshape(-1, size // _STORED.itemsize).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
        unit = np.abs(lengths - 1) <= ROUNDING
    if not unit.all():
        there[np.flatnonzero(there)[~unit]] = False
        vectors, lengths = vectors[unit], lengths[unit]
    vectors /= lengths[:, None]
    return there, vectors
