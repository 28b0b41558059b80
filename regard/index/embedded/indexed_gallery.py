"""One gallery of the embedded index: growing rows, and once there are many, segments that are sealed.

Writers change what is in memory, and rows that go also in the files; `sealing` makes the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import BoolArray, FloatArray, IntArray
from regard.domain.galleries import Hits
from regard.index.embedded.gallery_state import GalleryRows, GalleryState
from regard.index.embedded.query_batcher import QueryBatcher
from regard.index.embedded.sealed_segment import SealedSegment
from regard.index.embedded.sealing import Sealing
from regard.index.exact_search import best

#: Probes that go through the segments together.
_BATCH_PROBES = 64
#: Fewer rows are scanned sooner than threads take over.
_THREADED_ROWS = 1 << 17


@dataclass(frozen=True, slots=True)
class _Query:
    probe: FloatArray
    limit: int
    threshold: float


class IndexedGallery:
    """Vectors of D numbers under keys. Writers take turns; searches wait for nobody."""

    def __init__(self, dimension: int, sealing: Sealing | None = None) -> None:
        """Without `sealing` every row keeps growing, as it came."""
        self.dimension = dimension
        self.sealing = sealing
        self._state = sealing.state if sealing else GalleryState(dimension)
        self._scans = QueryBatcher(self._scan, _BATCH_PROBES)

    def __len__(self) -> int:
        rows = self._state.rows
        return sum(len(each) for each in rows.unsealed) + sum(len(segment) for segment in rows.segments)

    @property
    def rows(self) -> GalleryRows:
        """What there is at this moment."""
        return self._state.rows

    @property
    def last_sealed(self) -> int:
        """Every key up to here that was ever added is in a file, or was removed; -1 without files."""
        return self.sealing.last_sealed if self.sealing else -1

    @property
    def memory(self) -> int:
        """Bytes held in memory, beside what is mapped."""
        rows = self._state.rows
        return sum(each.memory for each in rows.unsealed) + sum(segment.memory for segment in rows.segments)

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        """Waits where more rows come than can be sealed."""
        if vectors.ndim != 2 or vectors.shape != (len(keys), self.dimension):
            raise ValueError(f"{len(keys)} keys with vectors {vectors.shape} in a gallery of D={self.dimension}")
        sealing, due, small = self.sealing, False, vectors
        if sealing:
            # As a segment will keep them, so that sealing changes no answer.
            small = np.asarray(sealing.codebook.project(vectors), np.float16)
            sealing.wait_for_room()
        with self._state.writer:
            fresh = ~self._held(keys)
            if fresh.any():
                if sealing:
                    sealing.note_added(int(keys[fresh].min()))
                self._state.rows.growing.add(keys[fresh], small[fresh])
            if sealing:
                due = sealing.set_aside()
        if sealing and due:
            sealing.ask()

    def remove(self, keys: IntArray) -> None:
        with self._state.writer:
            rows = self._state.rows
            for each in rows.unsealed:
                each.remove(keys)
            for segment in rows.segments:
                segment.remove(keys[(keys >= segment.first) & (keys <= segment.highest)])
            due = self.sealing.note_removed(keys) if self.sealing else False
        if self.sealing and due:
            self.sealing.ask()

    def search(self, probes: FloatArray, limit: int, threshold: float) -> list[Hits]:
        if probes.ndim != 2 or probes.shape[1] != self.dimension:
            raise ValueError(f"probes {probes.shape} in a gallery of D={self.dimension}")
        small = self.sealing.codebook.project(probes) if self.sealing else probes
        queries = [_Query(probe, limit, threshold) for probe in small]
        if len(queries) == 1 and self.sealing and self._state.rows.segments:
            return [self._scans.answer(queries[0], self.sealing.options.cores)]
        batches = (queries[start:][:_BATCH_PROBES] for start in range(0, len(queries), _BATCH_PROBES))
        return [hits for batch in batches for hits in self._scan(batch)]

    def keys(self) -> IntArray:
        """Ascending."""
        rows = self._state.rows
        parts = [*(segment.keys() for segment in rows.segments), *(each.keys() for each in rows.unsealed)]
        return np.sort(np.concatenate(parts), kind="stable")  # runs in order, mostly: that takes little time

    def drop(self) -> None:
        """Forget all of it, and delete its files; searches under way still end well."""
        with self._state.writer:
            self._state.clear()
            if self.sealing:
                self.sealing.drop()

    def _held(self, keys: IntArray) -> BoolArray:
        """Which of these keys are in use, but for the growing rows."""
        rows = self._state.rows
        known = np.zeros(len(keys), bool)
        for held in (*(each.holds(keys) for each in rows.segments), *(each.holds(keys) for each in rows.pending)):
            known |= held
        return known

    # -- searching -------------------------------------------------------------------------------------------

    def _scan(self, queries: Sequence[_Query]) -> list[Hits]:
        segments, unsealed = self._state.seen()
        probes = np.stack([query.probe for query in queries])
        limits = np.array([query.limit for query in queries], np.int64)
        thresholds = np.array([query.threshold for query in queries], np.float32)
        by_segment = self._spread(segments)(lambda each: each.search(probes, limits, thresholds), segments)
        found = [rows.search(probes, limits, thresholds) for rows in unsealed]
        found += by_segment
        if len(found) == 1:
            return found[0]
        return [_merged(each, int(limit)) for each, limit in zip(zip(*found, strict=True), limits, strict=True)]

    def _spread(self, segments: Sequence[SealedSegment]) -> Callable[..., Iterable[list[Hits]]]:
        """How `map` is done: in threads where they are many rows and other searches do not have the cores already."""
        if self.sealing is None or sum(segment.rows for segment in segments) < _THREADED_ROWS:
            return map
        options = self.sealing.options
        return options.threads.map if self._scans.working < options.cores else map


def _merged(parts: Sequence[Hits], limit: int) -> Hits:
    keys, cosines = (np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "cosines"))
    return best(keys, cosines, limit)
