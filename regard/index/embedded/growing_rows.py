"""Rows of one gallery in this process's memory, added to at will: every search compares the probe with each.

Writers take turns, which is the caller's business; readers never wait. What readers see is one published `Rows`: rows
below `count` are never rewritten, new ones are appended beyond it, and a removal only turns a key into `TOMBSTONE`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import BoolArray, FloatArray, HalfArray, IntArray
from regard.domain.galleries import Hits
from regard.index.exact_search import TOMBSTONE, compared

#: Above every key.
_ABOVE_KEYS = 1 << 63
_LEAST_ROWS = 16
#: Compact when more than this share of the rows are tombstones.
_TOMBSTONE_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Rows:
    """Room for vectors (C×D) and keys (C); the first `count` are in use."""

    vectors: FloatArray
    keys: IntArray
    count: int

    def search(self, probes: FloatArray, limits: IntArray, thresholds: FloatArray) -> list[Hits]:
        """As `compared`, with all in use."""
        return compared(self.vectors[: self.count], self.keys[: self.count], probes, limits, thresholds)


class GrowingRows:
    """Exact, and the end of a gallery that grows."""

    def __init__(self, width: int) -> None:
        self.rows = _room(_LEAST_ROWS, width)
        self._lowest, self._highest = _ABOVE_KEYS, TOMBSTONE
        self._tombstones = 0

    def __len__(self) -> int:
        """How many rows are in use."""
        return self.rows.count - self._tombstones

    @property
    def lowest(self) -> int:
        """No key that is or was here is below."""
        return self._lowest

    @property
    def width(self) -> int:
        return int(self.rows.vectors.shape[1])

    @property
    def memory(self) -> int:
        return self.rows.vectors.nbytes + self.rows.keys.nbytes

    def add(self, keys: IntArray, vectors: FloatArray | HalfArray) -> None:
        """N keys with N×D rows; a key already there keeps its vector."""
        fresh = self._fresh(keys)
        if len(fresh) == 0:
            return
        rows = self.rows
        count = rows.count + len(fresh)
        if count > len(rows.keys):
            rows = _copy(rows, np.arange(rows.count), max(count, 2 * len(rows.keys)))
        rows.keys[rows.count : count] = keys[fresh]
        rows.vectors[rows.count : count] = vectors[fresh]
        self._lowest = min(self._lowest, int(keys[fresh].min()))
        self._highest = max(self._highest, int(keys[fresh].max()))
        self.rows = Rows(rows.vectors, rows.keys, count)

    def remove(self, keys: IntArray) -> None:
        rows = self.rows
        held = rows.keys[: rows.count]
        gone = np.flatnonzero(np.isin(held, keys[keys > TOMBSTONE]))
        held[gone] = TOMBSTONE
        self._tombstones += len(gone)
        if self._tombstones > _TOMBSTONE_SHARE * rows.count:
            live = np.flatnonzero(held != TOMBSTONE)
            self.rows = _copy(rows, live, max(len(live), _LEAST_ROWS))
            self._tombstones = 0

    def holds(self, keys: IntArray) -> BoolArray:
        """Which of these keys are in use here."""
        if len(keys) == 0 or keys.min() > self._highest:
            return np.zeros(len(keys), bool)
        return np.isin(keys, self.rows.keys[: self.rows.count]) & (keys > TOMBSTONE)

    def live(self) -> tuple[IntArray, FloatArray]:
        """Keys, ascending, and their vectors; also while others go."""
        rows = self.rows
        keys = rows.keys[: rows.count].copy()
        order = np.argsort(keys, kind="stable")
        order = order[keys[order] != TOMBSTONE]
        return keys[order], rows.vectors[order]

    def keys(self) -> IntArray:
        rows = self.rows
        keys = np.sort(rows.keys[: rows.count])
        return keys[np.searchsorted(keys, 0) :]

    def _fresh(self, keys: IntArray) -> IntArray:
        """Positions in `keys` of those not held yet. Keys above all before them, the usual case, need no look."""
        if len(keys) and keys[0] > self._highest and (np.diff(keys) > 0).all():
            return np.arange(len(keys))
        _, first = np.unique(keys, return_index=True)
        first.sort()
        return first[~np.isin(keys[first], self.rows.keys[: self.rows.count])]


def _room(capacity: int, width: int) -> Rows:
    return Rows(np.empty((capacity, width), np.float32), np.empty(capacity, np.int64), 0)


def _copy(rows: Rows, chosen: IntArray, capacity: int) -> Rows:
    copy = _room(capacity, rows.vectors.shape[1])
    copy.keys[: len(chosen)] = rows.keys[chosen]
    # `take` into place, where indexing would hold the vectors a third time.
    np.take(rows.vectors, chosen, axis=0, out=copy.vectors[: len(chosen)], mode="clip")
    return Rows(copy.vectors, copy.keys, len(chosen))
