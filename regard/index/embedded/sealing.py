"""Sealing: turning the growing rows of a gallery into files, and small files into large ones, while it is used.

Files are made by the maintenance, from rows that are pending or segments that are there, and take their place in one
short exchange under the writer's lock; what goes in the meantime goes from the new file before that. Only the
maintenance flushes, and after that it writes down up to which deletion the files are true: until then a deletion is
made again after a restart.
"""

from __future__ import annotations

import logging
import time
from bisect import bisect
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby

import numpy as np

from regard.domain.arrays import IntArray
from regard.files import sync_folder
from regard.index.embedded.codebook import Codebook
from regard.index.embedded.gallery_files import GalleryFiles, complete
from regard.index.embedded.gallery_state import GalleryRows, GalleryState
from regard.index.embedded.maintenance import Maintenance
from regard.index.embedded.sealed_segment import Sealed, SealedSegment
from regard.index.embedded.segment_file import DamagedSegment

log = logging.getLogger(__name__)

#: Growing rows that become a segment: comparing more of them takes longer than scanning their codes.
SEAL_ROWS = 16_384
#: Segments of about one size that are merged, and how many times over: up to a million rows.
MERGE_SEGMENTS, MERGE_LEVELS = 8, 2
#: A segment is compacted when more than this share of its rows are tombstones.
_TOMBSTONE_SHARE = 0.1
#: Segments' worth of rows that may be pending (50 MiB each); then writers that add wait too.
PENDING_SEGMENTS = 4
#: Keys that go from a new file at once while writers wait for it to take its place.
_LAST_KEYS = 256
#: Blocks of rows whose vectors are verified in one piece: 100 MB at 192 numbers a row.
_VERIFIED_BLOCKS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingOptions:
    """What the galleries of an index share: the threads that scan and how many they are, how many rows become a
    segment, how many seconds after a file could not be written the next is tried (and writers wait at most), and what
    writes the files."""

    threads: Executor
    cores: int = 1
    seal_rows: int = SEAL_ROWS
    retry_seconds: float = 60
    maintenance: Maintenance = field(default_factory=Maintenance)


class Sealing:
    """The files of one gallery, whose vectors are kept as `codebook` makes them small."""

    def __init__(
        self,
        codebook: Codebook,
        folder: GalleryFiles,
        options: SealingOptions,
        segments: Sequence[SealedSegment] = (),
    ) -> None:
        """`segments` are those that the folder has already."""
        self.codebook = codebook
        self.options = options
        self.state = GalleryState(codebook.width, segments)
        self.folder: GalleryFiles | None = folder
        self._refused, self._retry = False, 0.0
        #: While a file is made, the keys that went since it was begun.
        self._gone: list[IntArray] | None = None
        #: From this key on some are asked for that have not come yet.
        self._owed = folder.late
        self._lost: Callable[[], None] | None = None

    @property
    def last_sealed(self) -> int:
        """Every key up to here that was ever added is in a file, or was removed; -1 without files."""
        return complete(self.folder, self.state.rows.segments)

    def wait_for_room(self) -> None:
        """Wait while more rows come than can be sealed."""
        if len(self.state.rows.pending) >= PENDING_SEGMENTS:
            self.ask()
            self.options.maintenance.wait_for(self._has_room, self.options.retry_seconds)

    def flush(self) -> None:
        """What has been removed is gone from the disk too."""
        for segment in self.state.rows.segments:
            segment.file.flush()

    def loaded(self) -> None:
        """All that `last_sealed` asked for has been added."""
        with self.state.writer:
            self._owed = None

    def verify(self, lost: Callable[[], None]) -> None:
        """Read, later and in the background, the vectors that were not read at the start. Where some are damaged their
        faces are forgotten, to be added again from `last_sealed` on, and `lost` is called."""
        self._lost = lost
        self.ask()

    def ask(self) -> None:
        """Have the maintenance do what is due."""
        if time.monotonic() >= self._retry:
            self.options.maintenance.ask(self._tidy)

    # -- with the writer's turn ------------------------------------------------------------------------------

    def note_added(self, lowest: int) -> None:
        """These keys would not be asked for again after a restart if they were below the last one sealed."""
        segments = self.state.rows.segments
        if self.folder and segments and lowest <= segments[-1].sealed.last:
            self.folder.note_late(lowest)

    def note_removed(self, keys: IntArray) -> bool:
        """These keys went; whether that left something to do."""
        if self._gone is not None:
            self._gone.append(keys.copy())
        return any(_shrunk(segment) for segment in self.state.rows.segments)

    def set_aside(self) -> bool:
        """Let the growing rows be pending if they are enough for a segment; whether any are."""
        if self._may_write and len(self.state.rows.growing) >= self.options.seal_rows:
            self.state.set_growing_aside()
        return bool(self.state.rows.pending)

    def drop(self) -> None:
        """Delete the files, and make no more."""
        if self.folder:
            self.folder.delete()
        self.folder = None

    @property
    def _may_write(self) -> bool:
        return bool(self.folder and self.folder.writable)

    def _has_room(self) -> bool:
        full = len(self.state.rows.pending) >= PENDING_SEGMENTS
        return not full or not self._may_write or time.monotonic() < self._retry

    # -- the maintenance's, one at a time --------------------------------------------------------------------

    def _tidy(self) -> bool:
        """Do what is due first; whether more is. Where the disk refuses, all stays as it is."""
        with self.state.writer:
            folder, work = self.folder, self._due()
            if not (folder and work) or time.monotonic() < self._retry:
                return False
            self._gone = []
        try:
            work(folder)
            self._refused = False
        except (OSError, DamagedSegment, MemoryError) as error:
            if self.folder is folder:
                self._refused, self._retry = True, time.monotonic() + self.options.retry_seconds
                log.warning("%s: %s. Its newest faces stay in memory until it can be written.", folder.place, error)
            return False
        finally:
            self._gone = None
        return self._due() is not None

    def _due(self) -> Callable[[GalleryFiles], None] | None:
        """Merging is first, or it would never be while more and more comes; but what is pending may find room on a disk
        that has none for that."""
        rows = self.state.rows
        unread = [segment for segment in rows.segments if segment.unread]
        # What is copied must have been verified, or the damage would get a checksum that fits.
        may_copy = self._may_write and not unread
        if may_copy and not (self._refused and rows.pending) and (run := self._run(rows.segments)):
            return partial(self._merge, run)
        if rows.pending and self._may_write:
            return partial(self._seal, rows)
        if unread and self._lost:
            return partial(self._verify, unread[0])
        shrunk = [segment for segment in rows.segments if _shrunk(segment)]
        return partial(self._compact, shrunk[0]) if shrunk and may_copy else None

    def _run(self, segments: Sequence[SealedSegment]) -> list[SealedSegment]:
        """Small segments, one after the other, that are to be one."""
        seal = self.options.seal_rows
        bounds = [MERGE_SEGMENTS**level * MERGE_SEGMENTS // 2 * seal for level in range(MERGE_LEVELS)]
        runs = groupby(segments, lambda each: bisect(bounds, each.rows))
        small = [list(run) for level, run in runs if level < MERGE_LEVELS]
        return next((run[:MERGE_SEGMENTS] for run in reversed(small) if len(run) >= MERGE_SEGMENTS), [])

    def _seal(self, rows: GalleryRows, folder: GalleryFiles) -> None:
        """Make a segment of the rows that have been pending longest."""
        keys, vectors = rows.pending[0].live()
        before = rows.segments[-1].sealed if rows.segments else Sealed(oldest=-1, newest=-1, last=-1)
        last = max(before.last, int(keys[-1])) if len(keys) else before.last
        sealed = Sealed(oldest=before.newest + 1, newest=before.newest + 1, last=last)
        folder.make()
        self._exchange(folder, (), SealedSegment.write(folder.place, sealed, self.codebook, keys, vectors))

    def _compact(self, old: SealedSegment, folder: GalleryFiles) -> None:
        self._exchange(folder, [old], SealedSegment.compacted(folder.place, self.codebook, [old]))

    def _merge(self, parts: Sequence[SealedSegment], folder: GalleryFiles) -> None:
        self._exchange(folder, parts, SealedSegment.merged(folder.place, self.codebook, parts))

    def _verify(self, segment: SealedSegment, folder: GalleryFiles) -> None:
        """A piece of what was not read at the start."""
        suspects = segment.suspects(_VERIFIED_BLOCKS)
        with self.state.writer:  # so that nothing goes: while it does, a checksum may not fit
            lost = segment.damaged(suspects)
            if len(lost) and self.folder is folder:
                lowest = int(lost[0])
                folder.note_late(lowest)
                self._owed = lowest if self._owed is None else min(self._owed, lowest)
            segment.mend(suspects)
            segment.unread = max(0, segment.unread - _VERIFIED_BLOCKS)
        if len(lost) and self._lost:
            log.warning("%s is damaged. %d faces are read from the database again.", segment.file.path, len(lost))
            self._lost()

    def _exchange(self, folder: GalleryFiles, old: Sequence[SealedSegment], made: SealedSegment) -> None:
        """`made` takes the place of `old`, which follow each other, or of the rows that have been pending longest."""
        self._forget_gone(made)
        with self.state.writer:
            if self.folder is not folder:  # dropped
                made.file.delete()
                return
            try:
                self._publish(folder, old, made)
            except OSError:
                made.file.delete()
                raise
        sync_folder(folder.place)
        with self.state.writer:
            if self.folder is folder:
                folder.keep_late(self._late(self.state.rows))
        for segment in old:
            if segment.file.path != made.file.path:
                segment.file.delete()

    def _publish(self, folder: GalleryFiles, old: Sequence[SealedSegment], made: SealedSegment) -> None:
        made.remove(self._taken())
        rows = self.state.rows
        place = rows.segments.index(old[0]) if old else len(rows.segments)
        segments = (*rows.segments[:place], made, *rows.segments[place + len(old) :])
        new = replace(rows, segments=segments, pending=rows.pending if old else rows.pending[1:])
        if (late := self._late(new)) is not None:
            folder.note_late(late)  # before a file says that none is missing
        made.publish()
        self.state.rows = new

    def _forget_gone(self, made: SealedSegment) -> None:
        """Most of them, while writers go on."""
        while True:
            with self.state.writer:
                if sum(len(keys) for keys in self._gone or ()) <= _LAST_KEYS:
                    return
                gone = self._taken()
            made.remove(gone)

    def _taken(self) -> IntArray:
        gone, self._gone = self._gone or [], []
        return np.concatenate([np.empty(0, np.int64), *gone])

    def _late(self, rows: GalleryRows) -> int | None:
        """The least key that may be in no file although it is below the last one sealed."""
        owed = () if self._owed is None else (self._owed,)
        lowest = min([*(each.lowest for each in rows.unsealed), *owed])
        return lowest if rows.segments and lowest <= rows.segments[-1].sealed.last else None


def _shrunk(segment: SealedSegment) -> bool:
    return segment.rows - len(segment) > max(_TOMBSTONE_SHARE * segment.rows, 64)
