"""An exact index in this process's memory: every search compares the probe with every vector.

Writers take turns per gallery; readers never wait. What readers see is one published `_Rows`: rows below `count` are
never rewritten, new ones are appended beyond it, and a removal only turns a key into `_DEAD`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from regard.domain import FloatArray, Hits, IntArray

_DEAD = -1
_SMALLEST = 16
#: Compact when more than this share of the rows is dead.
_DEAD_SHARE = 0.25
#: Rows compared at once, and the scores this may hold at once (16 MiB of float32).
_BLOCK_ROWS = 65_536
_BLOCK_SCORES = 1 << 22
#: Matrix products round differently by shape; candidates within this of the cut are weighed again, exactly.
_SLACK = 1e-5


@dataclass(frozen=True, slots=True)
class _Rows:
    """Room for vectors (C×D) and keys (C); the first `count` are in use."""

    vectors: FloatArray
    keys: IntArray
    count: int


class _Gallery:
    def __init__(self, dimension: int) -> None:
        self.rows = _room(_SMALLEST, dimension)
        self._writer = threading.Lock()
        self._highest = _DEAD
        self._dead = 0

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        with self._writer:
            rows = self.rows
            if vectors.ndim != 2 or vectors.shape != (len(keys), rows.vectors.shape[1]):
                raise ValueError(
                    f"{len(keys)} keys with vectors {vectors.shape} in a gallery of D={rows.vectors.shape[1]}"
                )
            fresh = self._fresh(keys)
            if len(fresh) == 0:
                return
            count = rows.count + len(fresh)
            if count > len(rows.keys):
                rows = _copy(rows, np.arange(rows.count), max(count, 2 * len(rows.keys)))
            rows.keys[rows.count : count] = keys[fresh]
            rows.vectors[rows.count : count] = vectors[fresh]
            self._highest = max(self._highest, int(keys[fresh].max()))
            self.rows = _Rows(rows.vectors, rows.keys, count)

    def remove(self, keys: IntArray) -> None:
        with self._writer:
            rows = self.rows
            held = rows.keys[: rows.count]
            gone = np.flatnonzero(np.isin(held, keys[keys > _DEAD]))
            held[gone] = _DEAD
            self._dead += len(gone)
            if self._dead > _DEAD_SHARE * rows.count:
                live = np.flatnonzero(held != _DEAD)
                self.rows = _copy(rows, live, max(len(live), _SMALLEST))
                self._dead = 0

    def live_keys(self) -> IntArray:
        keys = self.rows.keys[: self.rows.count]
        return np.sort(keys[keys != _DEAD])

    def _fresh(self, keys: IntArray) -> IntArray:
        """Positions in `keys` of those not held yet. Keys above all before them, the usual case, need no look."""
        if len(keys) and keys[0] > self._highest and (np.diff(keys) > 0).all():
            return np.arange(len(keys))
        _, first = np.unique(keys, return_index=True)
        first.sort()
        return first[~np.isin(keys[first], self.rows.keys[: self.rows.count])]


def _room(capacity: int, dimension: int) -> _Rows:
    return _Rows(np.empty((capacity, dimension), np.float32), np.empty(capacity, np.int64), 0)


def _copy(rows: _Rows, chosen: IntArray, capacity: int) -> _Rows:
    copy = _room(capacity, rows.vectors.shape[1])
    copy.keys[: len(chosen)] = rows.keys[chosen]
    # `take` into place, where indexing would hold the vectors a third time.
    np.take(rows.vectors, chosen, axis=0, out=copy.vectors[: len(chosen)], mode="clip")
    return _Rows(copy.vectors, copy.keys, len(chosen))


_NOTHING = Hits(keys=np.empty(0, np.int64), cosines=np.empty(0, np.float32))


class _Best:
    """The best hits for one probe, so far."""

    def __init__(self, probe: FloatArray, limit: int, threshold: float) -> None:
        self._probe = probe.astype(np.float64)
        self._limit = limit
        self._threshold = threshold
        self.hits = _NOTHING

    def offer(self, rows: _Rows, start: int, scores: FloatArray) -> None:
        """Take what is better from the rows at `start`, whose rough cosines are `scores`."""
        if self._limit < 1:
            return
        full = len(self.hits.keys) == self._limit
        floor = float(self.hits.cosines[-1]) if full else self._threshold
        near = np.flatnonzero(scores >= floor - _SLACK)
        keys = rows.keys[start + near]
        live = keys != _DEAD
        near, keys = near[live], keys[live]
        if len(near) > self._limit:
            cut = np.partition(scores[near], -self._limit)[-self._limit]
            close = scores[near] >= cut - _SLACK
            near, keys = near[close], keys[close]
        exact = rows.vectors[start + near].astype(np.float64) @ self._probe
        self._keep(keys, np.clip(exact, -1, 1).astype(np.float32))

    def _keep(self, keys: IntArray, cosines: FloatArray) -> None:
        reached = cosines >= np.float32(self._threshold)
        keys = np.concatenate([self.hits.keys, keys[reached]])
        cosines = np.concatenate([self.hits.cosines, cosines[reached]])
        order = np.lexsort((keys, -cosines))[: self._limit]
        self.hits = Hits(keys=keys[order], cosines=cosines[order])


class EmbeddedIndex:
    """`VectorIndex`, exact, in memory."""

    def __init__(self) -> None:
        self._galleries: dict[int, _Gallery] = {}
        self._lock = threading.Lock()

    def add(self, collection_key: int, keys: IntArray, vectors: FloatArray) -> None:
        if len(keys) == 0:
            return
        with self._lock:
            gallery = self._galleries.get(collection_key)
            if gallery is None:
                gallery = self._galleries[collection_key] = _Gallery(vectors.shape[-1])
        gallery.add(keys, vectors)

    def remove(self, collection_key: int, keys: IntArray) -> None:
        if gallery := self._galleries.get(collection_key):
            gallery.remove(keys)

    def drop(self, collection_key: int) -> None:
        with self._lock:
            self._galleries.pop(collection_key, None)

    def search(self, collection_key: int, probes: FloatArray, *, limit: int, threshold: float) -> list[Hits]:
        gallery = self._galleries.get(collection_key)
        if gallery is None:
            return [_NOTHING] * len(probes)
        rows = gallery.rows
        if probes.ndim != 2 or probes.shape[1] != rows.vectors.shape[1]:
            raise ValueError(f"probes {probes.shape} in a gallery of D={rows.vectors.shape[1]}")
        best = [_Best(probe, limit, threshold) for probe in probes]
        for start, scores in _blocks(rows, probes):
            for line, of_probe in zip(scores, best, strict=True):
                of_probe.offer(rows, start, line)
        return [of_probe.hits for of_probe in best]

    def keys(self, collection_key: int) -> IntArray:
        gallery = self._galleries.get(collection_key)
        return np.empty(0, np.int64) if gallery is None else gallery.live_keys()

    def collections(self) -> list[int]:
        with self._lock:
            galleries = sorted(self._galleries.items())
        return [key for key, gallery in galleries if len(gallery.live_keys())]


def _blocks(rows: _Rows, probes: FloatArray) -> Iterator[tuple[int, FloatArray]]:
    """Where each block starts, and the M×rows cosines of it, in float32."""
    step = min(_BLOCK_ROWS, max(1024, _BLOCK_SCORES // max(1, len(probes))))
    for start in range(0, rows.count, step):
        yield start, probes @ rows.vectors[start : min(start + step, rows.count)].T
