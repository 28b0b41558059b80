"""The gallery of one folder, opened as by a process that starts, and short ways to fill and to hold it up."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from likenesses import alike, known

from regard.domain.arrays import IntArray
from regard.domain.galleries import Hits
from regard.index.embedded import segment_file
from regard.index.embedded.gallery_files import GalleryFiles
from regard.index.embedded.indexed_gallery import IndexedGallery
from regard.index.embedded.maintenance import Maintenance
from regard.index.embedded.sealing import Sealing, SealingOptions

SEAL = 128
VECTORS = alike(6200)


class Opener:
    """Opens the gallery of one folder, as a process that starts does."""

    def __init__(self, place: Path, threads: ThreadPoolExecutor) -> None:
        self.place = place
        self.maintenance = Watched()
        self._threads = threads

    def __call__(self, *, seal: int = SEAL, writable: bool = True, patience: float = 0) -> IndexedGallery:
        folder = GalleryFiles(self.place, known(), writable=writable)
        segments, faults = folder.opened(self._threads) if self.place.is_dir() else ([], [])
        assert faults == []
        options = SealingOptions(
            threads=self._threads, cores=2, seal_rows=seal, retry_seconds=patience, maintenance=self.maintenance
        )
        return IndexedGallery(known().dimension, Sealing(known(), folder, options, segments))


class Watched(Maintenance):
    """Says when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = threading.Event()

    def wait_for(self, met: Callable[[], bool], timeout: float | None = None) -> bool:
        self.awaited.set()
        return super().wait_for(met, timeout)


class Gate:
    """Holds up whoever is about to write a file, until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def hold(self, monkeypatch: pytest.MonkeyPatch, name: str = "", turn: int = 1) -> None:
        """The file of this name, or any, when it is written for this time."""
        write, turns = segment_file.write, iter(range(1, 10_000))

        def held(draft: Path, *given: Any) -> segment_file.SegmentFile:
            if name in draft.name and next(turns) >= turn:
                self.reached.set()
                assert self.opened.wait(60)
            return write(draft, *given)

        monkeypatch.setattr(segment_file, "write", held)


def add(gallery: IndexedGallery, start: int, stop: int, step: int = SEAL) -> None:
    for first in range(start, stop, step):
        keys = np.arange(first, min(first + step, stop))
        gallery.add(keys, VECTORS[keys])
    quiet(gallery)


def remove(gallery: IndexedGallery, keys: IntArray) -> None:
    gallery.remove(keys)
    quiet(gallery)


def quiet(gallery: IndexedGallery) -> None:
    assert gallery.sealing
    assert gallery.sealing.options.maintenance.quiet(60)


def found(gallery: IndexedGallery, row: int = 0, limit: int = 6200, threshold: float = -1) -> Hits:
    return gallery.search(VECTORS[row : row + 1], limit, threshold)[0]


def files(gallery: IndexedGallery) -> list[str]:
    assert gallery.sealing
    assert gallery.sealing.folder
    return sorted(path.name for path in gallery.sealing.folder.place.iterdir())


@contextmanager
def full_disk(room: int = 4096) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
