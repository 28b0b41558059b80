"""Indexing a folder: walk it, leave out what was done before, decode ahead of the models, record batch by batch."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from regard.domain import Collection
from regard.engine.analyzer import MOST_FACES
from regard.engine.indexing import Indexed, Indexer, Submission
from regard.engine.pictures import picture
from regard.errors import ImageTooLarge, InvalidParameter, RegardError
from regard.store.source_rows import Source, SourceRows
from regard.vision.session import cores

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
#: Files larger than this are not read; no photograph of up to 64 megapixels comes near it.
MOST_BYTES = 64 * 1024 * 1024
#: A batch ends here even if it has room for more files: two batches are in memory at once, 100 MB each.
BATCH_PIXELS = 1 << 25
#: Pictures of one transaction, unless the caller says otherwise.
BATCH = 16
#: Threads that decode while the models run; more would only queue up pictures.
DECODERS = 4


class Unnamed(Exception):
    """Raised by a namer that should know a file and does not; its text says why."""


#: The external image id of a file. Raises Unnamed.
Namer = Callable[[Path], str | None]


@dataclass(frozen=True, slots=True)
class Photo:
    """A file as the walk found it."""

    path: str
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Why a file was not indexed: `reason` is one of few, `detail` is about this file.

    `lasting` says that the file itself is at fault, so that trying it again unchanged is idle.
    """

    reason: str
    detail: str
    lasting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one file: faces enrolled, and for every face refused its reasons; or why the file was skipped."""

    path: str
    enrolled: int = 0
    refused: tuple[tuple[str, ...], ...] = ()
    skipped: Skipped | None = None

    def __str__(self) -> str:
        if self.skipped:
            return f"skipped: {self.skipped.detail}"
        if not self.enrolled and not self.refused:
            return "no face"
        return f"{self.enrolled} enrolled, {len(self.refused)} refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a folder is indexed: the quality level, the most faces of a picture, the most pictures of a transaction."""

    level: str = "AUTO"
    most: int = MOST_FACES
    batch: int = BATCH


def walk(folder: Path) -> tuple[list[Photo], list[Outcome]]:
    """Every JPEG and PNG below `folder`, by name, in the order of their paths; and what could not be listed.

    Hidden files and folders are left out, and links to folders are not followed. Raises InvalidParameter where
    `folder` is none.
    """
    if not folder.is_dir():
        raise InvalidParameter(f"{folder} is not a folder.")
    photos: list[Photo] = []
    unlisted: list[Outcome] = []

    def note(error: OSError) -> None:
        unlisted.append(Outcome(path=str(error.filename), skipped=_unreadable(error)))

    for place, folders, files in os.walk(folder.resolve(), onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.startswith(".") or Path(name).suffix.lower() not in SUFFIXES:
                continue
            try:
                found = Path(place, name).stat()
            except OSError as error:
                note(error)
            else:
                if stat.S_ISREG(found.st_mode):
                    photos.append(Photo(str(Path(place, name)), found.st_size, found.st_mtime_ns))
    return photos, unlisted


class FolderIndexer:
    """Indexes the files of a folder, and never the same unchanged file twice.

    A batch is recorded after its faces are stored. If the process dies between the two, the batch is indexed again:
    its faces have the ids they had before, so nothing is stored twice.
    """

    def __init__(self, indexer: Indexer, sources: SourceRows, options: Options) -> None:
        self._indexer = indexer
        self._sources = sources
        self._options = options

    def left(self, collection: Collection, photos: Sequence[Photo]) -> list[Photo]:
        """Those of `photos` that this collection has not dealt with as they are now."""
        done = self._sources.done(collection.key)
        return [photo for photo in photos if done.get(photo.path) != (photo.size, photo.modified_ns)]

    def run(self, collection: Collection, photos: Sequence[Photo], namer: Namer) -> Iterator[list[Outcome]]:
        """Index `photos`; each batch's outcomes are given once they are stored for good.

        Raises what stops everything (the collection has gone, the disk is full), never what is wrong with one file.
        """
        pool = ThreadPoolExecutor(min(DECODERS, cores()), thread_name_prefix="decode")
        try:
            for batch in self._loaded(pool, photos, namer):
                yield self._stored(collection, batch)
        finally:
            pool.shutdown(cancel_futures=True)

    def _loaded(self, pool: ThreadPoolExecutor, photos: Sequence[Photo], namer: Namer) -> Iterator[_Batch]:
        """Batches in order; while one is dealt with, the next is being decoded."""
        waiting: deque[list[tuple[Photo, Future[Submission | Skipped]]]] = deque()
        left, room = iter(photos), min(DECODERS, self._options.batch)
        while True:
            while len(waiting) < 2 and (some := list(islice(left, room))):
                waiting.append([(photo, pool.submit(_load, photo, namer)) for photo in some])
            if not waiting:
                return
            batch = [(photo, future.result()) for photo, future in waiting.popleft()]
            sizes = [_pixels(loaded) for _, loaded in batch if isinstance(loaded, Submission)]
            if sizes:  # as many as fit, if they are like these
                room = max(1, min(self._options.batch, BATCH_PIXELS * len(sizes) // sum(sizes)))
            yield batch

    def _stored(self, collection: Collection, batch: _Batch) -> list[Outcome]:
        submissions = [loaded for _, loaded in batch if isinstance(loaded, Submission)]
        results = iter(
            self._indexer.index(collection, submissions, level=self._options.level, most=self._options.most)
            if submissions
            else []
        )
        outcomes, records = [], []
        for photo, loaded in batch:
            if isinstance(loaded, Submission):
                outcome, image_id = _outcome(photo, next(results)), loaded.picture.image_id
            else:
                outcome, image_id = Outcome(path=photo.path, skipped=loaded), ""
            outcomes.append(outcome)
            if outcome.skipped is None or outcome.skipped.lasting:
                records.append(_record(photo, outcome, image_id))
        self._sources.record(collection.key, records)
        return outcomes


_Batch = list[tuple[Photo, Submission | Skipped]]


def _load(photo: Photo, namer: Namer) -> Submission | Skipped:
    """Name, read and decode one file."""
    if photo.size > MOST_BYTES:
        detail = f"{photo.size / 1e6:.0f} MB; files of more than {MOST_BYTES // 2**20} MiB are not read."
        return Skipped(reason="too large", detail=detail, lasting=True)
    try:
        name = namer(Path(photo.path))
        return Submission(picture=picture(Path(photo.path).read_bytes()), external_image_id=name)
    except Unnamed as error:
        return Skipped(reason="no external id", detail=str(error))
    except OSError as error:
        return _unreadable(error)
    except RegardError as error:
        return Skipped(reason=_fault(error), detail=error.message, lasting=True)


def _fault(error: RegardError) -> str:
    if isinstance(error, ImageTooLarge):
        return "too large"
    return "too small" if isinstance(error, InvalidParameter) else "not a whole JPEG or PNG"


def _unreadable(error: OSError) -> Skipped:
    return Skipped(reason="cannot be read", detail=f"{error.strerror or error}.")


def _pixels(submission: Submission) -> int:
    height, width, _ = submission.picture.image.pixels.shape
    return int(height * width)


def _outcome(photo: Photo, indexed: Indexed) -> Outcome:
    refused = tuple(tuple(reasons) for reasons in indexed.refused.values())
    return Outcome(path=photo.path, enrolled=len(indexed.enrolled), refused=refused)


def _record(photo: Photo, outcome: Outcome, image_id: str) -> Source:
    return Source(
        path=photo.path,
        size=photo.size,
        modified_ns=photo.modified_ns,
        image_id=image_id if outcome.enrolled else None,
        outcome=str(outcome),
    )
