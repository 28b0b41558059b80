"""Indexing a folder: walk it, leave out what was done before, have the rest examined, store and record by batches."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.domain.galleries import Collection
from regard.engine.analysis.photo_batches import File, Finding, Skipped, map_kept, unreadable
from regard.engine.galleries.enrolment import Indexed, PhotoAnalysis, store
from regard.engine.galleries.gallery import Gallery
from regard.engine.work.worker_pool import Task, WorkerPool
from regard.errors import InvalidParameter
from regard.store.indexed_file_rows import IndexedFile, IndexedFileRows

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
#: Files larger than this are not read; no photograph of up to 64 megapixels comes near it.
MOST_BYTES = 64 * 1024 * 1024
#: ImageLoader of one transaction, unless the caller says otherwise.
BATCH = 16


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
        unlisted.append(Outcome(path=str(error.filename), skipped=unreadable(error)))

    for place, folders, files in os.walk(folder.resolve(), onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.startswith(".") or os.path.splitext(name)[1].lower() not in SUFFIXES:  # noqa: PTH122 - ten times as fast
                continue
            path = f"{place.rstrip(os.sep)}{os.sep}{name}"
            try:
                found = os.stat(path)  # noqa: PTH116
            except OSError as error:
                note(error)
            else:
                if stat.S_ISREG(found.st_mode):
                    photos.append(Photo(path, found.st_size, found.st_mtime_ns))
    return photos, unlisted


class FolderIndexer:
    """Indexes the files of a folder, and never the same unchanged file twice.

    A batch is recorded after its faces are stored. If the process dies between the two, the batch is indexed again:
    its faces have the ids they had before, so nothing is stored twice.
    """

    def __init__(self, gallery: Gallery, indexed_files: IndexedFileRows, batch: int = BATCH) -> None:
        self._gallery = gallery
        self._sources = indexed_files
        self._batch = batch

    def left(self, collection: Collection, photos: Sequence[Photo]) -> list[Photo]:
        """Those of `photos` that this collection has not dealt with as they are now."""
        done = self._sources.done(collection.key)
        return [photo for photo in photos if done.get(photo.path) != (photo.size, photo.modified_ns)]

    def run(
        self, worker_pool: WorkerPool, collection: Collection, photos: Sequence[Photo], namer: Namer
    ) -> Iterator[list[Outcome]]:
        """Index `photos`; each batch's outcomes are given once they are stored for good.

        Raises what stops everything (the collection has gone, the disk is full), never what is wrong with one file.
        """
        for batch, findings in self.examined(worker_pool, photos, namer):
            yield self._stored(collection, batch, findings)

    def examined(
        self, worker_pool: WorkerPool, photos: Sequence[Photo], namer: Namer
    ) -> Iterator[tuple[Sequence[Photo], list[Finding]]]:
        """`photos` by batches, with what was found in each; nothing is stored."""
        begun: deque[tuple[Sequence[Photo], list[File | Skipped]]] = deque()

        def tasks() -> Iterator[Task]:
            for start in range(0, len(photos), self._batch):
                batch = photos[start : start + self._batch]
                named = [_named(photo, namer) for photo in batch]
                begun.append((batch, named))
                yield [each for each in named if isinstance(each, File)]

        for findings in worker_pool.run(tasks()):
            (batch, named), placed = begun.popleft(), iter(findings)
            placed = iter(findings)
            yield batch, [each if isinstance(each, Skipped) else next(placed) for each in named]

    def _stored(self, collection: Collection, batch: Sequence[Photo], findings: Sequence[Finding]) -> list[Outcome]:
        indexed = map_kept(findings, lambda examined: store(self._gallery, collection, examined) if examined else [])
        outcomes = [_outcome(*each) for each in zip(batch, indexed, strict=True)]
        self._sources.record(
            collection.key,
            [
                _record(photo, outcome, finding)
                for photo, outcome, finding in zip(batch, outcomes, findings, strict=True)
                if outcome.skipped is None or outcome.skipped.lasting
            ],
        )
        return outcomes


def _named(photo: Photo, namer: Namer) -> File | Skipped:
    if photo.size > MOST_BYTES:
        detail = f"{photo.size / 1e6:.0f} MB; files of more than {MOST_BYTES // 2**20} MiB are not read."
        return Skipped(reason="too large", detail=detail, lasting=True)
    try:
        return File(path=photo.path, external_image_id=namer(Path(photo.path)))
    except Unnamed as error:
        return Skipped(reason="no external id", detail=str(error))


def _outcome(photo: Photo, indexed: Indexed | Skipped) -> Outcome:
    if isinstance(indexed, Skipped):
        return Outcome(path=photo.path, skipped=indexed)
    refused = tuple(tuple(reasons) for reasons in indexed.refused.values())
    return Outcome(path=photo.path, enrolled=len(indexed.enrolled), refused=refused)


def _record(photo: Photo, outcome: Outcome, finding: Finding) -> IndexedFile:
    return IndexedFile(
        path=photo.path,
        size=photo.size,
        modified_ns=photo.modified_ns,
        image_id=finding.image_id if isinstance(finding, PhotoAnalysis) and outcome.enrolled else None,
        outcome=str(outcome),
    )
