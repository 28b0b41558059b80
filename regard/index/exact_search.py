"""Exact search: every vector compared with the probe, and the best kept. What every index in this process ends with."""

from __future__ import annotations

import numpy as np

from regard.domain.arrays import FloatArray, HalfArray, IntArray
from regard.domain.galleries import Hits

#: The key of a row that is gone.
TOMBSTONE = -1
#: Rows compared at once, and the scores this may hold at once (16 MiB of float32).
_BLOCK_ROWS = 65_536
_BLOCK_SCORES = 1 << 22
#: Matrix products round differently by shape; candidates within this of the cut are weighed again, exactly.
_SLACK = 1e-5


def best(keys: IntArray, cosines: FloatArray, limit: int) -> Hits:
    """The `limit` best, ties by key."""
    order = np.lexsort((keys, -cosines))[:limit]
    return Hits(keys=keys[order], cosines=cosines[order])


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
        near = np.flatnonzero((scores >= self.floor - _SLACK) & (keys != TOMBSTONE))
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
