"""The embedded index: in this process's memory while a gallery is small, in files of its own where it is large."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import Hits
from regard.index.embedded.codebook import Codebook
from regard.index.embedded.gallery_files import GONE, GalleryFiles
from regard.index.embedded.indexed_gallery import SEAL, IndexedGallery, Sealing
from regard.index.vector_index import Resume

log = logging.getLogger(__name__)

#: Files of so many bytes in all are read whole at the start (in a second, two at most); of more the vectors are read
#: while searches are answered.
AT_START = 2 << 30

_NOTHING = Hits(keys=np.empty(0, np.int64), cosines=np.empty(0, np.float32))


class EmbeddedIndex:
    """`VectorIndex`: exact up to `seal` faces a gallery; beyond, sealed segments that are scanned by code.

    Only galleries of the codebook's dimension are sealed, and one process at a time writes in `folder`: another reads
    what lies there and keeps what comes in memory. Sealing, joining and clearing away are done by a thread of the
    index; `quiet` waits for it.
    """

    def __init__(
        self, codebook: Codebook | None = None, folder: Path | None = None, *, seal: int = SEAL, threads: int = 0
    ) -> None:
        #: Called, in a thread of its own, with a collection of which faces were lost to damage that was found after the
        #: start: to return when everything above `resume().sealed` of it has been added again.
        self.lost: Callable[[int], None] | None = None
        self._galleries: dict[int, IndexedGallery] = {}
        self._lock = threading.Lock()
        self._opened: dict[int, IndexedGallery] = {}
        self._position = 0
        self._sealing: Sealing | None = None
        self._folder: _Folder | None = None
        if codebook and folder:
            self._folder = _Folder(folder)
            cores = threads or os.cpu_count() or 1
            self._sealing = Sealing(codebook, ThreadPoolExecutor(cores, "scan"), cores, seal)
            self._position = self._folder.journal
            whole = not self._folder.mine or self._folder.size() <= AT_START
            for key in self._folder.galleries():
                self._open(self._sealing, self._folder, key, whole=whole)

    def close(self) -> None:
        """End what is being written, stop the threads and leave the folder to others. It holds nothing then."""
        if self._sealing and self._folder:
            self._sealing.maintenance.close()
            self._write_position()
            self._sealing.threads.shutdown()
            self._folder.close()
        with self._lock:
            self._galleries.clear()
            self._opened.clear()

    def quiet(self, timeout: float | None = None) -> bool:
        """Wait until all that was sealed, joined or settled is in files; whether that was within so many seconds."""
        return self._sealing is None or self._sealing.maintenance.quiet(timeout)

    @property
    def writable(self) -> bool:
        """Whether its files, if it has any, are this process's to write."""
        return self._folder is None or self._folder.mine

    @property
    def memory(self) -> int:
        """Bytes the index takes, beside what is mapped."""
        return sum(gallery.memory for gallery in self._all().values())

    @property
    def size(self) -> int:
        """How many vectors there are."""
        return sum(len(gallery) for gallery in self._all().values())

    def add(self, collection_key: int, keys: IntArray, vectors: FloatArray) -> None:
        if len(keys) == 0:
            return
        if vectors.ndim != 2:
            raise ValueError(f"vectors {vectors.shape}, not N×D")
        with self._lock:
            gallery = self._galleries.get(collection_key)
            if gallery is None:
                gallery = self._galleries[collection_key] = self._gallery(collection_key, vectors.shape[-1])
        gallery.add(keys, vectors)

    def remove(self, collection_key: int, keys: IntArray) -> None:
        if (gallery := self._galleries.get(collection_key)) is not None:
            gallery.remove(keys)

    def drop(self, collection_key: int) -> None:
        with self._lock:  # until the files are away, for another gallery may begin in their place
            self._opened.pop(collection_key, None)
            if (gallery := self._galleries.pop(collection_key, None)) is not None:
                gallery.drop()

    def search(self, collection_key: int, probes: FloatArray, *, limit: int, threshold: float) -> list[Hits]:
        gallery = self._galleries.get(collection_key)  # not whether it has any: counting them takes a while
        return [_NOTHING] * len(probes) if gallery is None else gallery.search(probes, limit, threshold)

    def keys(self, collection_key: int) -> IntArray:
        gallery = self._galleries.get(collection_key)
        return np.empty(0, np.int64) if gallery is None else gallery.keys()

    def collections(self) -> list[int]:
        return sorted(key for key, gallery in self._all().items() if len(gallery))

    def resume(self) -> Resume:
        sealed = {key: gallery.last_sealed for key, gallery in self._all().items() if gallery.last_sealed >= 0}
        return Resume(journal=self._position, sealed=sealed)

    def settle(self, journal: int) -> None:
        """The files are brought to the disk, and this written down, in a while: what is not is removed again after a
        restart."""
        if self._sealing and self._folder:
            self._begin()
            self._position = journal
            self._sealing.maintenance.ask(self._write_position)

    def _begin(self) -> None:
        """With the first word that everything is loaded: then the disk has time for what was not read at the start."""
        begun, self._opened = self._opened, {}
        for key, gallery in begun.items():
            gallery.loaded()
            gallery.verify(partial(self._reload, key, gallery))

    def _reload(self, collection_key: int, gallery: IndexedGallery) -> None:
        def reload(lost: Callable[[int], None]) -> None:
            lost(collection_key)
            gallery.loaded()

        if self.lost:  # it adds, which may wait for the maintenance
            threading.Thread(target=reload, args=(self.lost,), daemon=True).start()

    def _write_position(self) -> bool:
        """The maintenance's: no file of a gallery is exchanged for another meanwhile."""
        position, folder = self._position, self._folder
        if folder and folder.mine and folder.journal != position:
            try:
                for gallery in self._all().values():
                    gallery.flush()
                folder.settle(position)
            except OSError as error:
                log.warning("%s: %s. After a restart, deletions since then are made again.", folder.root, error)
        return False

    def _all(self) -> dict[int, IndexedGallery]:
        with self._lock:
            return dict(self._galleries)

    def _open(self, sealing: Sealing, root: _Folder, collection_key: int, *, whole: bool) -> None:
        folder = root.gallery(collection_key, sealing.codebook)
        segments, faults = folder.opened(sealing.threads, whole=whole)
        for fault in faults:
            log.warning("%s. These faces are read from the database again.", fault)
        if segments:
            dimension = sealing.codebook.dimension
            gallery = IndexedGallery(dimension, sealing, folder, segments)
            self._galleries[collection_key] = self._opened[collection_key] = gallery
        else:
            folder.delete()

    def _gallery(self, collection_key: int, dimension: int) -> IndexedGallery:
        sealing, folder = self._sealing, self._folder
        if sealing and folder and sealing.codebook.dimension == dimension:
            return IndexedGallery(dimension, sealing, folder.gallery(collection_key, sealing.codebook))
        return IndexedGallery(dimension)


def files_of(root: Path, database: str) -> Path:
    """Where the files of one database's indexes lie. Those of another, which was here before, are deleted: they hold
    faces, and nobody would ever read them."""
    mine = root / database
    mine.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in root.iterdir():
        if other != mine and other.is_dir():
            shutil.rmtree(other, ignore_errors=True)
    return mine


class _Folder:
    """The files of one index: a folder a gallery, a lock, and how far into the journal of deletions they are true."""

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root = root
        self._lock = os.open(root / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.mine = True
        except BlockingIOError:
            self.mine = False
        self._position, self._draft = root / "journal.json", root / "journal.draft"
        # Before any segment is read: a removal made meanwhile is made again.
        self.journal = self._read()
        if self.mine:
            self._draft.unlink(missing_ok=True)
            for gone in root.glob("*" + GONE):
                shutil.rmtree(gone, ignore_errors=True)

    def galleries(self) -> list[int]:
        return sorted(int(path.name) for path in self.root.iterdir() if path.is_dir() and path.name.isdecimal())

    def size(self) -> int:
        """Bytes in files of segments."""
        return sum(path.stat().st_size for path in self.root.glob("*/*.segment"))

    def gallery(self, collection_key: int, codebook: Codebook) -> GalleryFiles:
        return GalleryFiles(self.root / str(collection_key), codebook, writable=self.mine)

    def settle(self, journal: int) -> None:
        """Removals and deleted folders are on the disk already; if this is not, they are made again."""
        self._draft.touch(mode=0o600)
        self._draft.write_text(json.dumps({"journal": journal}), encoding="utf-8")
        self._draft.replace(self._position)
        self.journal = journal

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    def _read(self) -> int:
        try:
            return int(json.loads(self._position.read_text(encoding="utf-8"))["journal"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0  # from the beginning: removing what is gone already does no harm
