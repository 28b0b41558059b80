"""One gallery of the embedded index: rows that are open, and once there are many, segments that are sealed.

Writers change what is in memory, and rows that go also in the files. Files are made by the maintenance, from rows that
wait or segments that are there, and take their place in one short exchange under the writer's lock; what goes meanwhile
goes from the new file before. Only the maintenance flushes, and it writes down how far into the journal the files are
true after it has: until then a removal is made again after a restart.
"""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby

import numpy as np

from regard.domain.arrays import BoolArray, FloatArray, IntArray
from regard.domain.galleries import Hits
from regard.index.embedded.codebook import Codebook
from regard.index.embedded.gallery_files import GalleryFiles, complete
from regard.index.embedded.growing_rows import GrowingRows, Rows
from regard.index.embedded.maintenance import Maintenance
from regard.index.embedded.query_batcher import QueryBatcher
from regard.index.embedded.sealed_segment import Sealed, SealedSegment
from regard.index.embedded.segment_file import DamagedSegment, synced
from regard.index.exact_search import best

log = logging.getLogger(__name__)

#: So many open rows become a segment, for comparing more of them takes longer than scanning their codes; so many
#: segments of about one size become one, so many times: to a million rows.
SEAL, JOIN, LEVELS = 16_384, 8, 2
#: A segment is written anew without its dead rows when they are more than this share.
_DEAD_SHARE = 0.1
#: Rows of so many segments may wait to be sealed (50 MiB each); then who adds waits too.
WAITING = 4
#: Keys that go from a new file at once while writers wait for it to take its place.
_LAST_FEW = 256
#: Blocks of rows whose vectors are verified in one piece: 100 MB at 192 numbers a row.
_VERIFIED = 1024
#: Probes that go through the segments together.
_TOGETHER = 64
#: Fewer rows are scanned sooner than threads take over.
_MANY = 1 << 17


@dataclass(frozen=True, slots=True)
class Sealing:
    """How galleries seal: the codebook, the threads that scan and how many they are, how many seconds after a file
    could not be written the next is tried (and who adds waits at most), and who writes the files."""

    codebook: Codebook
    threads: Executor
    cores: int = 1
    seal: int = SEAL
    patience: float = 60
    maintenance: Maintenance = field(default_factory=Maintenance)


@dataclass(frozen=True, slots=True)
class _State:
    """What there is at one moment: rows are sealed in the order in which they wait; new ones come to the open ones."""

    segments: tuple[SealedSegment, ...]
    waiting: tuple[GrowingRows, ...]
    open: GrowingRows

    @property
    def unsealed(self) -> tuple[GrowingRows, ...]:
        return (*self.waiting, self.open)


@dataclass(frozen=True, slots=True)
class _Query:
    probe: FloatArray
    limit: int
    threshold: float


class IndexedGallery:
    """Vectors of D numbers under keys. Writers take turns; searches wait for nobody."""

    def __init__(
        self,
        dimension: int,
        sealing: Sealing | None = None,
        folder: GalleryFiles | None = None,
        segments: Sequence[SealedSegment] = (),
    ) -> None:
        """Without `sealing` every row stays open, as it came; with it `folder` is where segments are written."""
        self._dimension = dimension
        self._sealing = sealing
        self._folder = folder
        self._state = _State(tuple(segments), (), self._room())
        self._writer = threading.Lock()
        self._scans = QueryBatcher(self._scan, _TOGETHER)
        self._refused, self._retry = False, 0.0
        #: While a file is made, the keys that went since it was begun.
        self._gone: list[IntArray] | None = None
        #: From this key on some are asked for that have not come yet.
        self._owed = folder.late if folder else None
        self._lost: Callable[[], None] | None = None

    def __len__(self) -> int:
        state = self._state
        return sum(len(rows) for rows in state.unsealed) + sum(len(segment) for segment in state.segments)

    @property
    def last_sealed(self) -> int:
        """Every key up to here that was ever added is in a file, or was removed; -1 without files."""
        return complete(self._folder, self._state.segments)

    @property
    def memory(self) -> int:
        """Bytes held in memory, beside what is mapped."""
        state = self._state
        return sum(rows.memory for rows in state.unsealed) + sum(segment.memory for segment in state.segments)

    def add(self, keys: IntArray, vectors: FloatArray) -> None:
        """Waits where more rows come than can be sealed."""
        if vectors.ndim != 2 or vectors.shape != (len(keys), self._dimension):
            raise ValueError(f"{len(keys)} keys with vectors {vectors.shape} in a gallery of D={self._dimension}")
        # As a segment will keep them, so that sealing changes no answer.
        small = self._sealing.codebook.project(vectors).astype(np.float16) if self._sealing else vectors
        if self._sealing and len(self._state.waiting) >= WAITING:
            self._ask()
            self._sealing.maintenance.wait_for(self._has_room, self._sealing.patience)
        with self._writer:
            fresh = ~self._held(keys)
            if fresh.any():
                self._note(int(keys[fresh].min()))
                self._state.open.add(keys[fresh], small[fresh])
            if self._sealing and self._may_write and len(self._state.open) >= self._sealing.seal:
                self._state = replace(self._state, waiting=self._state.unsealed, open=self._room())
            due = bool(self._state.waiting)
        if due:
            self._ask()

    def remove(self, keys: IntArray) -> None:
        with self._writer:
            for rows in self._state.unsealed:
                rows.remove(keys)
            for segment in self._state.segments:
                segment.remove(keys[(keys >= segment.first) & (keys <= segment.highest)])
            if self._gone is not None:
                self._gone.append(keys.copy())
            due = any(_shrunk(segment) for segment in self._state.segments)
        if due:
            self._ask()

    def search(self, probes: FloatArray, limit: int, threshold: float) -> list[Hits]:
        if probes.ndim != 2 or probes.shape[1] != self._dimension:
            raise ValueError(f"probes {probes.shape} in a gallery of D={self._dimension}")
        small = self._sealing.codebook.project(probes) if self._sealing else probes
        queries = [_Query(probe, limit, threshold) for probe in small]
        if len(queries) == 1 and self._sealing and self._state.segments:
            return [self._scans.answer(queries[0], self._sealing.cores)]
        return [hits for start in range(0, len(queries), _TOGETHER) for hits in self._scan(queries[start:][:_TOGETHER])]

    def keys(self) -> IntArray:
        """Ascending."""
        state = self._state
        parts = [*(segment.keys() for segment in state.segments), *(rows.keys() for rows in state.unsealed)]
        return np.sort(np.concatenate(parts), kind="stable")  # runs in order, mostly: that takes little time

    def drop(self) -> None:
        """Forget all of it, and delete its files; searches under way still end well."""
        with self._writer:
            self._state = _State((), (), self._room())
            if self._folder:
                self._folder.delete()
            self._folder = None

    def flush(self) -> None:
        """What has been removed is gone from the disk too."""
        for segment in self._state.segments:
            segment.file.flush()

    def loaded(self) -> None:
        """All that `last_sealed` asked for has been added."""
        with self._writer:
            self._owed = None

    def verify(self, lost: Callable[[], None]) -> None:
        """Read, in a while, the vectors that were not read at the start. Where some are damaged their faces are
        forgotten, to be added again from `last_sealed` on, and `lost` is called."""
        self._lost = lost
        self._ask()

    def _room(self) -> GrowingRows:
        return GrowingRows(self._sealing.codebook.width if self._sealing else self._dimension)

    # -- searching -------------------------------------------------------------------------------------------

    def _scan(self, queries: Sequence[_Query]) -> list[Hits]:
        segments, unsealed = self._seen()
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
        sealing = self._sealing
        many = sum(segment.rows for segment in segments) >= _MANY
        return sealing.threads.map if sealing and many and self._scans.working < sealing.cores else map

    def _seen(self) -> tuple[tuple[SealedSegment, ...], list[Rows]]:
        """All of one moment, so that a key which goes and comes again is not found twice: it comes to the open rows,
        which are looked at first, after it went from the others."""
        while True:
            state = self._state
            rows = [each.rows for each in reversed(state.unsealed)]
            if self._state is state:
                return state.segments, rows

    # -- with the writer's turn ------------------------------------------------------------------------------

    @property
    def _may_write(self) -> bool:
        return bool(self._sealing and self._folder and self._folder.writable)

    def _has_room(self) -> bool:
        return len(self._state.waiting) < WAITING or not self._may_write or time.monotonic() < self._retry

    def _held(self, keys: IntArray) -> BoolArray:
        state = self._state
        known = np.zeros(len(keys), bool)
        for held in (*(each.holds(keys) for each in state.segments), *(each.holds(keys) for each in state.waiting)):
            known |= held
        return known

    def _note(self, lowest: int) -> None:
        """These keys would not be asked for again after a restart if they were below the last one sealed."""
        if self._folder and self._state.segments and lowest <= self._state.segments[-1].sealed.last:
            self._folder.note_late(lowest)

    # -- the maintenance's, one at a time --------------------------------------------------------------------

    def _ask(self) -> None:
        if self._sealing and time.monotonic() >= self._retry:
            self._sealing.maintenance.ask(self._tidy)

    def _tidy(self) -> bool:
        """Do what is due first; whether more is. Where the disk refuses, all stays as it is."""
        with self._writer:
            folder, sealing, work = self._folder, self._sealing, self._due()
            if not (folder and sealing and work) or time.monotonic() < self._retry:
                return False
            self._gone = []
        try:
            work(folder, sealing)
            self._refused = False
        except (OSError, DamagedSegment, MemoryError) as error:
            if self._folder is folder:
                self._refused, self._retry = True, time.monotonic() + sealing.patience
                log.warning("%s: %s. Its newest faces stay in memory until it can be written.", folder.place, error)
            return False
        finally:
            self._gone = None
        return self._due() is not None

    def _due(self) -> Callable[[GalleryFiles, Sealing], None] | None:
        """Joining is first, or it would never be while more and more comes; but what waits may find room on a disk that
        has none for that."""
        state = self._state
        unread = [segment for segment in state.segments if segment.unread]
        # What is copied must have been verified, or the damage would get a checksum that fits.
        may_copy = self._may_write and not unread
        if may_copy and not (self._refused and state.waiting) and (run := self._run(state.segments)):
            return partial(self._join, run)
        if state.waiting and self._may_write:
            return partial(self._seal, state)
        if unread and self._lost:
            return partial(self._verify, unread[0])
        shrunk = [segment for segment in state.segments if _shrunk(segment)]
        return partial(self._compact, shrunk[0]) if shrunk and may_copy else None

    def _run(self, segments: Sequence[SealedSegment]) -> list[SealedSegment]:
        """Small segments, one after the other, that are to be one."""
        seal = self._sealing.seal if self._sealing else SEAL
        bounds = [JOIN**level * JOIN // 2 * seal for level in range(LEVELS)]
        runs = groupby(segments, lambda each: bisect(bounds, each.rows))
        small = [list(run) for level, run in runs if level < LEVELS]
        return next((run[:JOIN] for run in reversed(small) if len(run) >= JOIN), [])

    def _seal(self, state: _State, folder: GalleryFiles, sealing: Sealing) -> None:
        """Make a segment of the rows that have waited longest."""
        keys, vectors = state.waiting[0].live()
        before = state.segments[-1].sealed if state.segments else Sealed(oldest=-1, newest=-1, last=-1)
        last = max(before.last, int(keys[-1])) if len(keys) else before.last
        sealed = Sealed(oldest=before.newest + 1, newest=before.newest + 1, last=last)
        folder.make()
        self._exchange(folder, (), SealedSegment.write(folder.place, sealed, sealing.codebook, keys, vectors))

    def _compact(self, old: SealedSegment, folder: GalleryFiles, sealing: Sealing) -> None:
        self._exchange(folder, [old], SealedSegment.rewritten(folder.place, sealing.codebook, [old]))

    def _join(self, parts: Sequence[SealedSegment], folder: GalleryFiles, sealing: Sealing) -> None:
        self._exchange(folder, parts, SealedSegment.joined(folder.place, sealing.codebook, parts))

    def _verify(self, segment: SealedSegment, folder: GalleryFiles, _: Sealing) -> None:
        """A piece of what was not read at the start."""
        suspects = segment.suspects(_VERIFIED)
        with self._writer:  # so that nothing goes: while it does, a checksum may not fit
            lost = segment.damaged(suspects)
            if len(lost) and self._folder is folder:
                lowest = int(lost[0])
                folder.note_late(lowest)
                self._owed = lowest if self._owed is None else min(self._owed, lowest)
            segment.mend(suspects)
            segment.unread = max(0, segment.unread - _VERIFIED)
        if len(lost) and self._lost:
            log.warning("%s is damaged. %d faces are read from the database again.", segment.file.path, len(lost))
            self._lost()

    def _exchange(self, folder: GalleryFiles, old: Sequence[SealedSegment], made: SealedSegment) -> None:
        """`made` takes the place of `old`, which follow each other, or of the rows that have waited longest."""
        self._forget_gone(made)
        with self._writer:
            if self._folder is not folder:  # dropped
                made.file.delete()
                return
            try:
                self._publish(folder, old, made)
            except OSError:
                made.file.delete()
                raise
        synced(folder.place)
        with self._writer:
            if self._folder is folder:
                folder.keep_late(self._late(self._state))
        for segment in old:
            if segment.file.path != made.file.path:
                segment.file.delete()

    def _publish(self, folder: GalleryFiles, old: Sequence[SealedSegment], made: SealedSegment) -> None:
        made.remove(self._taken())
        state = self._state
        place = state.segments.index(old[0]) if old else len(state.segments)
        segments = (*state.segments[:place], made, *state.segments[place + len(old) :])
        new = replace(state, segments=segments, waiting=state.waiting if old else state.waiting[1:])
        if (late := self._late(new)) is not None:
            folder.note_late(late)  # before a file says that none is missing
        made.publish()
        self._state = new

    def _forget_gone(self, made: SealedSegment) -> None:
        """Most of them, while writers go on."""
        while True:
            with self._writer:
                if sum(len(keys) for keys in self._gone or ()) <= _LAST_FEW:
                    return
                gone = self._taken()
            made.remove(gone)

    def _taken(self) -> IntArray:
        gone, self._gone = self._gone or [], []
        return np.concatenate([np.empty(0, np.int64), *gone])

    def _late(self, state: _State) -> int | None:
        """The least key that may be in no file although it is below the last one sealed."""
        owed = () if self._owed is None else (self._owed,)
        lowest = min([*(rows.lowest for rows in state.unsealed), *owed])
        return lowest if state.segments and lowest <= state.segments[-1].sealed.last else None


def _shrunk(segment: SealedSegment) -> bool:
    return segment.rows - len(segment) > max(_DEAD_SHARE * segment.rows, 64)


def _merged(parts: Sequence[Hits], limit: int) -> Hits:
    keys, cosines = (np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "cosines"))
    return best(keys, cosines, limit)
