"""Indexing a folder: walk it, leave out files done before, analyse the rest, store and record them in batches."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.engine.analysis.photo_analysis import PhotoAnalysis
from regard.engine.analysis.photo_batches import Finding, PhotoFile, Skipped, map_kept, unreadable
from regard.engine.galleries.enrolment import EnrolledFaces, Enroller
from regard.engine.work.worker_pool import WorkerPool
from regard.errors import InvalidParameter, ResourceAlreadyExists
from regard.store.collection_rows import CollectionRows
from regard.store.indexed_file_rows import IndexedFile, IndexedFileRows

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
#: Larger files are not read; no photograph of up to 64 megapixels comes near this size.
MOST_BYTES = 64 * 1024 * 1024
#: Photographs in one transaction, by default.
BATCH_PHOTOS = 16

#: Workers that analyse photographs.
PhotoPool = WorkerPool[PhotoFile | Skipped, Finding]


class Unnamed(Exception):
    """Raised by a namer that has no name for a file; the message is the reason."""


#: Returns the external image id of a file, or None for no id. Raises Unnamed.
Namer = Callable[[Path], str | None]


@dataclass(frozen=True, slots=True)
class Photo:
    """A file found by the walk, with its size and time of change."""

    path: str
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result for one file: how many faces were enrolled and the reasons for each face refused; or why the file was
    skipped."""

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
    """The files below `folder` with the suffix of a JPEG or PNG, in path order; and the paths that could not be listed.

    Hidden files and folders are left out, and links to folders are not followed. Raises InvalidParameter if `folder`
    is not a folder.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoWork:
    """Photographs, what names them, the workers that analyse them, and how many make a batch."""

    photos: Sequence[Photo]
    namer: Namer
    pool: PhotoPool
    batch: int = BATCH_PHOTOS


class FolderIndexing:
    """Indexes the files of a folder, and never the same unchanged file twice.

    A batch is recorded after its faces are stored. If the process dies between the two, the batch is indexed again:
    its faces have the ids they had before, so nothing is stored twice.
    """

    def __init__(self, *, collections: CollectionRows, enroller: Enroller, indexed_files: IndexedFileRows) -> None:
        self._collections = collections
        self._enroller = enroller
        self._indexed_files = indexed_files

    def collection(self, grant: Grant, collection_id: str) -> Collection | None:
        """The collection with that name, if there is one."""
        grant.require(Action.ENROL, collection_id)
        return self._collections.find(collection_id)

    def find_or_create(self, grant: Grant, collection_id: str) -> tuple[Collection, bool]:
        """The collection with that name, created if there is none; and whether it was created now."""
        grant.require(Action.ENROL, collection_id)
        if found := self._collections.find(collection_id):
            return found, False
        try:
            return self._enroller.create(collection_id), True
        except ResourceAlreadyExists:  # another process was quicker
            return self._collections.get(collection_id), False

    def size(self, grant: Grant, collection: Collection) -> int:
        """How many faces the collection holds."""
        grant.require(Action.ENROL, collection.id)
        return self._collections.face_count(collection.key)

    def left(self, grant: Grant, collection: Collection, photos: Sequence[Photo]) -> list[Photo]:
        """Those of `photos` that were not indexed into this collection, or have changed since."""
        grant.require(Action.ENROL, collection.id)
        done = self._indexed_files.done(collection.key)
        return [photo for photo in photos if done.get(photo.path) != (photo.size, photo.modified_ns)]

    def run(self, grant: Grant, collection: Collection, work: PhotoWork) -> Iterator[list[Outcome]]:
        """Index the photographs; yields each batch's outcomes once they are on disk.

        Raises what stops the whole run (the collection was deleted, the disk is full), never a fault of one file.
        """
        for batch, findings in self.analyses(grant, work):
            grant.require(Action.ENROL, collection.id)
            yield self._stored(collection, batch, findings)

    def analyses(self, grant: Grant, work: PhotoWork) -> Iterator[tuple[Sequence[Photo], Sequence[Finding]]]:
        """The photographs in batches, with each batch's findings; nothing is stored."""
        grant.require(Action.ENROL)
        batches = [work.photos[start : start + work.batch] for start in range(0, len(work.photos), work.batch)]
        named = ([_named(photo, work.namer) for photo in batch] for batch in batches)
        for analysed in zip(batches, work.pool.run(named), strict=True):
            grant.require(Action.ENROL)
            yield analysed

    def _stored(self, collection: Collection, batch: Sequence[Photo], findings: Sequence[Finding]) -> list[Outcome]:
        indexed = map_kept(findings, lambda analyses: self._enroller.store(collection, analyses) if analyses else [])
        outcomes = [_outcome(*each) for each in zip(batch, indexed, strict=True)]
        self._indexed_files.record(
            collection.key,
            [
                _record(photo, outcome, finding)
                for photo, outcome, finding in zip(batch, outcomes, findings, strict=True)
                if outcome.skipped is None or outcome.skipped.lasting
            ],
        )
        return outcomes


def _named(photo: Photo, namer: Namer) -> PhotoFile | Skipped:
    if photo.size > MOST_BYTES:
        detail = f"{photo.size / 1e6:.0f} MB; files of more than {MOST_BYTES // 2**20} MiB are not read."
        return Skipped(reason="too large", detail=detail, lasting=True)
    try:
        return PhotoFile(path=photo.path, external_image_id=namer(Path(photo.path)))
    except Unnamed as error:
        return Skipped(reason="no external id", detail=str(error))


def _outcome(photo: Photo, indexed: EnrolledFaces | Skipped) -> Outcome:
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
