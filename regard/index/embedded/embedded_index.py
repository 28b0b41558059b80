"""The embedded index: in this process's memory while a gallery is small, in files of its own where it is large."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import Hits
from regard.files import make_folder, replace_file, try_file_lock
from regard.index.embedded.codebook import Codebook
from regard.index.embedded.gallery_files import GONE, GalleryFiles
from regard.index.embedded.indexed_gallery import IndexedGallery
from regard.index.embedded.sealing import SEAL_ROWS, Sealing, SealingOptions
from regard.index.vector_index import Resume

log = logging.getLogger(__name__)

#: The codebook of the model that made a collection's vectors; None if there is none.
Codebooks = Callable[[int], Codebook | None]

#: Files up to this size in all are read whole at the start (in a second, two at most); of larger ones the vectors are
#: read while searches are answered.
AT_START_BYTES = 2 << 30

_NOTHING = Hits(keys=np.empty(0, np.int64), cosines=np.empty(0, np.float32))


class EmbeddedIndex:
    """`VectorIndex`: exact up to `seal` vectors a gallery; beyond, sealed segments that are scanned by code.

    Only galleries whose model has a codebook are sealed; others stay exact in memory, and a file that was written under
    another codebook is never used. One process at a time writes in `folder`: another reads what lies there and keeps
    what comes in memory. Sealing, merging and compacting are done by a thread of the index; `quiet` waits for it.
    """

    def __init__(
        self, codebooks: Codebooks | None = None, folder: Path | None = None, *, seal: int = SEAL_ROWS, threads: int = 0
    ) -> None:
        """`codebooks` is asked when a gallery begins, and of every one that has files."""
        #: Called, in a thread of its own, with a collection of which faces were lost to damage that was found after the
        #: start: to return when everything above `resume().sealed` of it has been added again.
        self.lost: Callable[[int], None] | None = None
        self._galleries: dict[int, IndexedGallery] = {}
        self._lock = threading.Lock()
        self._opened: dict[int, Sealing] = {}
        self._deletion = 0
        self._codebooks = codebooks
        self._options: SealingOptions | None = None
        self._folder: _Folder | None = None
        if codebooks and folder:
            self._folder = _Folder(folder)
            cores = threads or os.cpu_count() or 1
            self._options = SealingOptions(threads=ThreadPoolExecutor(cores, "scan"), cores=cores, seal_rows=seal)
            self._deletion = self._folder.deletion
            whole = not self._folder.mine or self._folder.size() <= AT_START_BYTES
            for key in self._folder.galleries():
                self._open(self._options, self._folder, key, whole=whole)

    def close(self) -> None:
        """End what is being written, stop the threads and leave the folder to others. It holds nothing then."""
        if self._options and self._folder:
            self._options.maintenance.close()
            self._write_deletion()
            self._options.threads.shutdown()
            self._folder.close()
        with self._lock:
            self._galleries.clear()
            self._opened.clear()

    def quiet(self, timeout: float | None = None) -> bool:
        """Wait until all that was sealed, merged or settled is in files; whether that was in time."""
        return self._options is None or self._options.maintenance.quiet(timeout)

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
        gallery = self._galleries.get(collection_key)
        if gallery is None:
            gallery = self._begun(collection_key, vectors.shape[-1])
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
        return Resume(deletion=self._deletion, sealed=sealed)

    def settle(self, deletion: int) -> None:
        """The files are brought to the disk, and this is written down, later and in the background: what is not is
        removed again after a restart."""
        if self._options and self._folder:
            self._begin()
            self._deletion = deletion
            self._options.maintenance.ask(self._write_deletion)

    def _begin(self) -> None:
        """Once everything is loaded the disk has time for what was not read at the start."""
        begun, self._opened = self._opened, {}
        for key, sealing in begun.items():
            sealing.loaded()
            sealing.verify(partial(self._reload, key, sealing))

    def _reload(self, collection_key: int, sealing: Sealing) -> None:
        def reload(lost: Callable[[int], None]) -> None:
            lost(collection_key)
            sealing.loaded()

        if self.lost:  # it adds, which may wait for the maintenance
            threading.Thread(target=reload, args=(self.lost,), daemon=True).start()

    def _write_deletion(self) -> bool:
        """For the maintenance: while it does this, no file of a gallery is exchanged for another."""
        deletion, folder = self._deletion, self._folder
        if folder and folder.mine and folder.deletion != deletion:
            try:
                for gallery in self._all().values():
                    if gallery.sealing:
                        gallery.sealing.flush()
                folder.settle(deletion)
            except OSError as error:
                log.warning("%s: %s. After a restart, deletions since then are made again.", folder.root, error)
        return False

    def _all(self) -> dict[int, IndexedGallery]:
        with self._lock:
            return dict(self._galleries)

    def _open(self, options: SealingOptions, root: _Folder, collection_key: int, *, whole: bool) -> None:
        codebook = self._codebooks(collection_key) if self._codebooks else None
        if codebook is None:  # its model was changed, or the collection is gone
            root.delete(collection_key)
            return
        folder = root.gallery(collection_key, codebook)
        segments, faults = folder.opened(options.threads, whole=whole)
        for fault in faults:
            log.warning("%s. These faces are read from the database again.", fault)
        if segments:
            sealing = self._opened[collection_key] = Sealing(codebook, folder, options, segments)
            self._galleries[collection_key] = IndexedGallery(codebook.dimension, sealing)
        else:
            folder.delete()

    def _begun(self, collection_key: int, dimension: int) -> IndexedGallery:
        """The gallery of a collection of which nothing is held yet."""
        # Before the lock: the answer takes a look into the database.
        codebook = self._codebooks(collection_key) if self._codebooks and self._folder else None
        with self._lock:
            gallery = self._galleries.get(collection_key)
            if gallery is None:
                gallery = self._galleries[collection_key] = self._gallery(collection_key, codebook, dimension)
        return gallery

    def _gallery(self, collection_key: int, codebook: Codebook | None, dimension: int) -> IndexedGallery:
        if codebook and self._options and self._folder and codebook.dimension == dimension:
            folder = self._folder.gallery(collection_key, codebook)
            return IndexedGallery(dimension, Sealing(codebook, folder, self._options))
        return IndexedGallery(dimension)


def files_of(root: Path, database: str) -> Path:
    """Where the files of one database's indexes lie. Those of another, which was here before, are deleted: they hold
    faces, and would never be read."""
    mine = root / database
    make_folder(mine)
    for other in root.iterdir():
        if other != mine and other.is_dir():
            shutil.rmtree(other, ignore_errors=True)
    return mine


def delete_files(folder: Path, collection_key: int) -> bool:
    """Delete what the index of this folder has in files of a collection that is gone. False if another process has the
    index open, which deletes them itself."""
    if not folder.is_dir():
        return True
    with try_file_lock(folder / "lock") as mine:
        if mine:
            shutil.rmtree(folder / str(collection_key), ignore_errors=True)
        return mine


class _Folder:
    """The files of one index: a folder for each gallery, a lock, and up to which deletion they are true."""

    def __init__(self, root: Path) -> None:
        make_folder(root)
        self.root = root
        self._lock = ExitStack()
        self.mine = self._lock.enter_context(try_file_lock(root / "lock"))
        self._note, self._draft = root / "journal.json", root / "journal.draft"
        # Before any segment is read: a deletion that is made in between is made again.
        self.deletion = self._read()
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

    def delete(self, collection_key: int) -> None:
        """Files of which no use is made any more, if they are this process's to delete."""
        if self.mine:
            shutil.rmtree(self.root / str(collection_key), ignore_errors=True)

    def settle(self, deletion: int) -> None:
        """Removed rows and deleted folders are on the disk already; if this is not, they are removed again."""
        with replace_file(self._note, draft=self._draft, durable=False) as stream:
            stream.write(json.dumps({"journal": deletion}).encode())
        self.deletion = deletion

    def close(self) -> None:
        self._lock.close()

    def _read(self) -> int:
        try:
            return int(json.loads(self._note.read_text(encoding="utf-8"))["journal"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return 0  # from the beginning: removing what is gone already does no harm
