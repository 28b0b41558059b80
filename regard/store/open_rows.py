"""Rows of one gallery in this process's memory, added to at will: every search compares the probe with each.

Writers take turns, which is the caller's business; readers never wait. What readers see is one published `Rows`: rows
below `count` are never rewritten, new ones are appended beyond it, and a removal only turns a key into `_DEAD`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regard.domain import FloatArray, HalfArray, Hits, IntArray

BoolArray = NDArray[np.bool_]

_DEAD = -1
#: Above every key.
_BEYOND = 1 << 63
_SMALLEST = 16
#: Compact when more than this share of the rows is dead.
_DEAD_SHARE = 0.25
#: Rows compared at once, and the scores this may hold at once (16 MiB of float32).
_BLOCK_ROWS = 65_536
_BLOCK_SCORES = 1 << 22
#: Matrix products round differently by shape; candidates within this of the cut are weighed again, exactly.
_SLACK = 1e-5


@dataclass(frozen=True, slots=True)
class Rows:
    """Room for vectors (C×D) and keys (C); the first `count` are in use."""

    vectors: FloatArray
    keys: IntArray
    count: int

    def search(self, probes: FloatArray, limits: IntArray, thresholds: FloatArray) -> list[Hits]:
        """As `compared`, with all in use."""
        return compared(self.vectors[: self.count], self.keys[: self.count], probes, limits, thresholds)


class OpenRows:
    """Exact, and the end of a gallery that grows."""

    def __init__(self, width: int) -> None:
        self.rows = _room(_SMALLEST, width)
        self._lowest, self._highest = _BEYOND, _DEAD
        self._dead = 0

    def __len__(self) -> int:
        """How many rows are in use."""
        return self.rows.count - self._dead

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
        gone = np.flatnonzero(np.isin(held, keys[keys > _DEAD]))
        held[gone] = _DEAD
        self._dead += len(gone)
        if self._dead > _DEAD_SHARE * rows.count:
            live = np.flatnonzero(held != _DEAD)
            self.rows = _copy(rows, live, max(len(live), _SMALLEST))
            self._dead = 0

    def holds(self, keys: IntArray) -> BoolArray:
        """Which of these keys are in use here."""
        if len(keys) == 0 or keys.min() > self._highest:
            return np.zeros(len(keys), bool)
        return np.isin(keys, self.rows.keys[: self.rows.count]) & (keys > _DEAD)

    def live(self) -> tuple[IntArray, FloatArray]:
        """Keys, ascending, and their vectors; also while others go."""
        rows = self.rows
        keys = rows.keys[: rows.count].copy()
        order = np.argsort(keys, kind="stable")
        order = order[keys[order] != _DEAD]
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


def best(keys: IntArray, cosines: FloatArray, limit: int) -> Hits:
    """The `limit` best, ties by key."""
    order = np.lexsort((keys, -cosines))[:limit]
    return Hits(keys=keys[order], cosines=cosines[order])


def _room(capacity: int, width: int) -> Rows:
    return Rows(np.empty((capacity, width), np.float32), np.empty(capacity, np.int64), 0)


def _copy(rows: Rows, chosen: IntArray, capacity: int) -> Rows:
    copy = _room(capacity, rows.vectors.shape[1])
    copy.keys[: len(chosen)] = rows.keys[chosen]
    # `take` into place, where indexing would hold the vectors a third time.
    np.take(rows.vectors, chosen, axis=0, out=copy.vectors[: len(chosen)], mode="clip")
    return Rows(copy.vectors, copy.keys, len(chosen))


def compared(
    vectors: FloatArray | HalfArray, keys: IntArray, probes: FloatArray, limits: IntArray, thresholds: FloatArray
) -> list[Hits]:
    """For each of P×D probes, up to its limit, keys of cosine >= its threshold, best first, ties by key.

    N×D vectors under N keys; keys of rows that are gone are -1.
    """
    best = [Best(*each) for each in zip(probes, limits.tolist(), thresholds.tolist(), strict=True)]
    step = min(_BLOCK_ROWS, max(1024, _BLOCK_SCORES // max(1, len(probes))))
    for start in range(0, len(keys), step):
        block = np.asarray(vectors[start : start + step], np.float32)
        held = keys[
            start : start + step
        ].copy()  # after the vectors: one that goes now is found as it was or not at all
        for line, of_probe in zip(probes @ block.T, best, strict=True):
            of_probe.offer(block, held, line)
    return [of_probe.hits for of_probe in best]


class Best:
    """The best hits for one probe, so far; a cosine depends on its two vectors alone, wherever they lie."""

    def __init__(self, probe: FloatArray, limit: int, threshold: float) -> None:
        self._probe = probe.astype(np.float64)
        self._limit = limit
        self._threshold = threshold
        self.hits = Hits(keys=np.empty(0, np.int64), cosines=np.empty(0, np.float32))

    @property
    def floor(self) -> float:
        """The least cosine that may still matter."""
        full = len(self.hits.keys) >= max(1, self._limit)
        return float(self.hits.cosines[-1]) if full else self._threshold

    def offer(self, vectors: FloatArray, keys: IntArray, scores: FloatArray) -> None:
        """Take what is better of N×D vectors whose rough cosines are `scores`; keys of rows that are gone are -1."""
        if self._limit < 1:
            return
        near = np.flatnonzero((scores >= self.floor - _SLACK) & (keys != _DEAD))
        if len(near) > self._limit:
            cut = np.partition(scores[near], -self._limit)[-self._limit]
            near = near[scores[near] >= cut - _SLACK]
        if not len(near):
            return
        exact = vectors[near].astype(np.float64) @ self._probe
        self._keep(keys[near], np.clip(exact, -1, 1).astype(np.float32))

    def _keep(self, keys: IntArray, cosines: FloatArray) -> None:
        reached = cosines >= np.float32(self._threshold)
        keys = np.concatenate([self.hits.keys, keys[reached]])
        cosines = np.concatenate([self.hits.cosines, cosines[reached]])
        self.hits = best(keys, cosines, self._limit)
