"""One gallery of the embedded index: rows that are open, and once there are many, segments that are sealed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from regard.domain import FloatArray, Hits, IntArray
from regard.store.codebook import Codebook
from regard.store.combiner import Combiner
from regard.store.gallery_folder import GalleryFolder, complete
from regard.store.open_rows import OpenRows, best
from regard.store.segment import BoolArray, Sealed, Segment

log = logging.getLogger(__name__)

#: So many open rows become a segment; so many segments of about that size become one.
SEAL, JOIN = 65_536, 16
#: A segment is written anew without its dead rows when they are more than this share.
_DEAD_SHARE = 0.1
#: Probes that go through the segments together.
_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Sealing:
    """How galleries seal: the codebook, the threads that scan and how many they are, and how many seconds after a file
    could not be written the next is tried."""

    codebook: Codebook
    threads: Executor
    cores: int = 1
    seal: int = SEAL
    patience: float = 60


@dataclass(frozen=True, slots=True)
class _State:
    """What a search sees, all of one moment."""

    segments: tuple[Segment, ...]
    open: OpenRows


@dataclass(frozen=True, slots=True)
class _Query:
    probe: FloatArray
    limit: int
    threshold: float


class EmbeddedGallery:
    """Vectors of D numbers under keys. Writers take turns; searches wait for nobody."""

    def __init__(
        self,
        dimension: int,
        sealing: Sealing | None = None,
        folder: GalleryFolder | None = None,
        segments: Sequence[Segment] = (),
    ) -> None:
        """Without `sealing` every row stays open, as it came; with it `folder` is where segments are written."""
        self._dimension = dimension
        self._sealing = sealing
        self._folder = folder
        self._state = _State(tuple(segments), self._room())
        self._writer = threading.Lock()
        self._scans = Combiner(self._scan, _TOGETHER)
        self._retry = 0.0

    def __len__(self) -> int:
        state = self._state
        return len(state.open) + sum(len(segment) for segment in state.segments)

    @property
    def last_sealed(self) -> int:
        """Every key up to here that was ever added is in a file, or was removed; -1 without files."""
        return complete(self._folder, self._state.segments)

    @property
    def memory(self) -> int:
        """Bytes held in memory, beside what is mapped."""
        state = self._state
        return state.open.memory + sum(segment.memory for segment in state.segments)

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        if vectors.ndim != 2 or vectors.shape != (len(keys), self._dimension):
            raise ValueError(f"{len(keys)} keys with vectors {vectors.shape} in a gallery of D={self._dimension}")
        # As a segment will keep them, so that sealing changes no answer.
        small = self._sealing.codebook.project(vectors).astype(np.float16) if self._sealing else vectors
        with self._writer:
            fresh = ~self._sealed(keys)
            if fresh.any():
                self._note(int(keys[fresh].min()))
                self._state.open.add(keys[fresh], small[fresh])
            if self._sealing and len(self._state.open) >= self._sealing.seal:
                self._written(self._seal)

    def remove(self, keys: IntArray) -> None:
        with self._writer:
            self._state.open.remove(keys)
            for segment in self._state.segments:
                segment.remove(keys[(keys >= segment.first) & (keys <= segment.highest)])
            self._written(self._compact)

    def search(self, probes: FloatArray, limit: int, threshold: float) -> list[Hits]:
        if probes.ndim != 2 or probes.shape[1] != self._dimension:
            raise ValueError(f"probes {probes.shape} in a gallery of D={self._dimension}")
        small = self._sealing.codebook.project(probes) if self._sealing else probes
        queries = [_Query(probe, limit, threshold) for probe in small]
        segments = self._state.segments
        if len(queries) == 1 and segments and self._sealing:
            return [self._scans.answer(queries[0], max(1, self._sealing.cores // len(segments)))]
        return [hits for start in range(0, len(queries), _TOGETHER) for hits in self._scan(queries[start:][:_TOGETHER])]

    def keys(self) -> IntArray:
        """Ascending."""
        state = self._state
        parts = [*(segment.keys() for segment in state.segments), state.open.keys()]
        return np.sort(np.concatenate(parts), kind="stable")  # runs in order, mostly: that takes little time

    def drop(self) -> None:
        """Forget all of it, and delete its files; searches under way still end well."""
        with self._writer:
            self._state = _State((), self._room())
            if self._folder:
                self._folder.delete()
            self._folder = None

    def _room(self) -> OpenRows:
        return OpenRows(self._sealing.codebook.width if self._sealing else self._dimension)

    # -- searching -------------------------------------------------------------------------------------------

    def _scan(self, queries: Sequence[_Query]) -> list[Hits]:
        state = self._state
        # As they are now: a key that goes from a segment and comes again meanwhile is not found twice.
        rows = state.open.rows
        probes = np.stack([query.probe for query in queries])
        limits = np.array([query.limit for query in queries], np.int64)
        thresholds = np.array([query.threshold for query in queries], np.float32)
        if not (state.segments and self._sealing):
            return rows.search(probes, limits, thresholds)
        parts = self._sealing.threads.map(lambda each: each.search(probes, limits, thresholds), state.segments)
        by_query = zip(rows.search(probes, limits, thresholds), *parts, strict=True)
        return [_merged(found, int(limit)) for found, limit in zip(by_query, limits, strict=True)]

    # -- files, with the writer's turn -----------------------------------------------------------------------

    def _sealed(self, keys: IntArray) -> BoolArray:
        known = np.zeros(len(keys), bool)
        for segment in self._state.segments:
            known |= segment.holds(keys)
        return known

    def _note(self, lowest: int) -> None:
        """These keys would not be asked for again after a restart if they were below the last one sealed."""
        if self._folder and self._state.segments and lowest <= self._state.segments[-1].sealed.last:
            self._folder.note_late(lowest)

    def _written(self, step: Callable[[GalleryFolder, Sealing], None]) -> None:
        """Write files, if this process may; where the disk refuses, all stays as it is."""
        if not (self._sealing and self._folder and self._folder.writable) or time.monotonic() < self._retry:
            return
        try:
            step(self._folder, self._sealing)
        except OSError as error:
            self._retry = time.monotonic() + self._sealing.patience
            log.warning("%s: %s. Its newest faces stay in memory until it can be written.", self._folder.place, error)

    def _seal(self, folder: GalleryFolder, sealing: Sealing) -> None:
        """Make a segment of the open rows; join segments when there are many."""
        keys, vectors = self._state.open.live()
        segments = self._state.segments
        before = segments[-1].sealed if segments else Sealed(oldest=-1, newest=-1, last=-1)
        sealed = Sealed(oldest=before.newest + 1, newest=before.newest + 1, last=max(before.last, int(keys[-1])))
        made = Segment.write(folder.place, sealed, sealing.codebook, keys, vectors)
        self._state = _State((*segments, made), self._room())
        folder.forget_late()
        for small, run in groupby(self._state.segments, key=lambda each: each.rows < JOIN // 2 * sealing.seal):
            parts = list(run)
            if small and len(parts) >= JOIN:
                self._replace(parts, Segment.joined(folder.place, sealing.codebook, parts))

    def _compact(self, folder: GalleryFolder, sealing: Sealing) -> None:
        for segment in self._state.segments:
            if segment.rows - len(segment) > max(_DEAD_SHARE * segment.rows, 64):
                made = Segment.write(folder.place, segment.sealed, sealing.codebook, *segment.live())
                self._replace([segment], made)

    def _replace(self, old: Sequence[Segment], new: Segment) -> None:
        """`old` follow each other."""
        segments = list(self._state.segments)
        place = segments.index(old[0])
        segments[place : place + len(old)] = [new]
        self._state = _State(tuple(segments), self._state.open)
        for segment in old:
            if segment.file.path != new.file.path:
                segment.file.delete()


def _merged(parts: Sequence[Hits], limit: int) -> Hits:
    keys, cosines = (np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "cosines"))
    return best(keys, cosines, limit)
