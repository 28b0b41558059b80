"""What a gallery holds at one moment, and the one place where that is exchanged for what it holds next."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from regard.index.embedded.growing_rows import GrowingRows, Rows
from regard.index.embedded.sealed_segment import SealedSegment


@dataclass(frozen=True, slots=True)
class GalleryRows:
    """Rows are sealed in the order in which they are pending; new ones come to the growing rows."""

    segments: tuple[SealedSegment, ...]
    pending: tuple[GrowingRows, ...]
    growing: GrowingRows

    @property
    def unsealed(self) -> tuple[GrowingRows, ...]:
        return (*self.pending, self.growing)


class GalleryState:
    """The rows of a gallery of vectors of `width` numbers. Replace them with `writer` held; read them once and use what
    you read."""

    def __init__(self, width: int, segments: Sequence[SealedSegment] = ()) -> None:
        self.writer = threading.Lock()
        self.rows = GalleryRows(tuple(segments), (), GrowingRows(width))
        self._width = width

    def set_growing_aside(self) -> None:
        """Let the growing rows be pending, and begin new ones."""
        rows = self.rows
        self.rows = GalleryRows(rows.segments, rows.unsealed, GrowingRows(self._width))

    def clear(self) -> None:
        self.rows = GalleryRows((), (), GrowingRows(self._width))

    def seen(self) -> tuple[tuple[SealedSegment, ...], list[Rows]]:
        """All of one moment, so that a key which goes and comes again is not found twice: it comes to the growing rows,
        which are looked at first, after it went from the others."""
        while True:
            rows = self.rows
            unsealed = [each.rows for each in reversed(rows.unsealed)]
            if self.rows is rows:
                return rows.segments, unsealed
