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
#: Of a half's bits, moved to their places in a float32, those that count; and by how much the number is too small then.
_HALF_BITS, _HALF_SCALE = np.int32(-0x70002000), np.float32(2.0**112)
#: Matrix products round differently by shape; candidates within this of the cut are weighed again, exactly.
_SLACK = 1e-5


def best(keys: IntArray, cosines: FloatArray, limit: int) -> Hits:
    """The `limit` best, ties by key."""
    order = np.lexsort((keys, -cosines))[:limit]
    return Hits(keys=keys[order], cosines=cosines[order])


def singles(vectors: FloatArray | HalfArray) -> FloatArray:
    """The same numbers as float32, of any shape, which have to be finite. numpy's own way takes four times as long for
    halves: it converts one after the other."""
    if vectors.dtype != np.float16:
        return np.asarray(vectors, np.float32)
    bits = vectors.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= _HALF_BITS
    numbers: FloatArray = bits.view(np.float32)
    numbers *= _HALF_SCALE
    return numbers


def compared(
    vectors: FloatArray | HalfArray, keys: IntArray, probes: FloatArray, limits: IntArray, thresholds: FloatArray
) -> list[Hits]:
    """For each of P×D probes, up to its limit, keys of cosine >= its threshold, best first, ties by key.

    N×D vectors under N keys; keys of rows that are gone are -1.
    """
    best = [Best(*each) for each in zip(probes, limits.tolist(), thresholds.tolist(), strict=True)]
    step = min(_BLOCK_ROWS, max(1024, _BLOCK_SCORES // max(1, len(probes))))
    for start in range(0, len(keys), step):
        block = singles(vectors[start : start + step])
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

    def near(self, scores: FloatArray) -> IntArray:
        """Which of N rough cosines may be good enough."""
        return np.flatnonzero(scores >= self.floor - _SLACK)

    def offer(self, vectors: FloatArray, keys: IntArray, scores: FloatArray) -> None:
        """Take what is better of N×D vectors whose rough cosines are `scores`; keys of rows that are gone are -1."""
        if self._limit < 1:
            return
        near = self.near(scores)
        near = near[keys[near] != TOMBSTONE]
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
