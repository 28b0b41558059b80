"""Indexing a folder's photographs: leave out those done before, analyse the rest, store and record them in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.accountability.enrolment_terms import Basis
from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.engine.analysis.photo_analysis import PhotoAnalysis
from regard.engine.analysis.photo_batches import Finding, PhotoFile, Skipped, map_kept
from regard.engine.bulk.folder_walk import Outcome, Photo
from regard.engine.galleries.enrolment import EnrolledFaces, Enroller
from regard.engine.work.worker_pool import WorkerPool
from regard.errors import ResourceAlreadyExists
from regard.store.collection_rows import CollectionRows
from regard.store.indexed_file_rows import IndexedFile, IndexedFileRows

#: Larger files are not read; no photograph of up to 64 megapixels comes near this size.
MOST_BYTES = 64 * 1024 * 1024
#: Photographs in one transaction, by default.
BATCH_PHOTOS = 16

_NO_CONSENT = Skipped(reason="no consent", detail="Record the written release first: `regard consents record`.")

#: Workers that analyse photographs.
PhotoPool = WorkerPool[PhotoFile | Skipped, Finding]


class Unnamed(Exception):
    """Raised by a namer that has no name for a file; the message is the reason."""


#: Returns the external image id of a file, or None for no id. Raises Unnamed.
Namer = Callable[[Path], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoWork:
    """Photographs, what names them, the workers that analyse them, how many make a batch, and on what basis."""

    photos: Sequence[Photo]
    namer: Namer
    pool: PhotoPool
    batch: int = BATCH_PHOTOS
    #: On what basis they may be enrolled, where the profile asks for one.
    basis: Basis | None = None


class FolderIndexing:
    """Indexes the files of a folder, and never the same unchanged file twice.

    The faces of a batch and its files are recorded in one transaction. A file that is indexed again for another reason
    has the faces it had: their ids are computed from content, so nothing is stored twice.
    """

    def __init__(self, *, collections: CollectionRows, enroller: Enroller, indexed_files: IndexedFileRows) -> None:
        self._collections = collections
        self._enroller = enroller
        self._indexed_files = indexed_files

    def collection(self, grant: Grant, collection_id: str) -> Collection | None:
        """The collection with that name, if there is one."""
        grant.require(Action.ENROL, collection_id)
        return self._collections.find(collection_id)

    def check_basis(self, grant: Grant, collection_id: str, basis: Basis | None) -> None:
        """Raises AccessDenied where the profile needs a basis, and there is none: ask before anything is made."""
        grant.require(Action.ENROL, collection_id)
        self._enroller.terms.check(grant, basis)

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

    def files(self, grant: Grant, collection: Collection, image_ids: Sequence[str]) -> dict[str, str]:
        """Image id to path, of the images that came from a file."""
        grant.require(Action.READ, collection.id)
        return self._indexed_files.path_of(collection.key, image_ids)

    def left(self, grant: Grant, collection: Collection, photos: Sequence[Photo]) -> list[Photo]:
        """Those of `photos` that were not indexed into this collection, or have changed since."""
        grant.require(Action.ENROL, collection.id)
        done = self._indexed_files.done(collection.key)
        return [photo for photo in photos if done.get(photo.path) != (photo.size, photo.modified_ns)]

    def run(self, grant: Grant, collection: Collection, work: PhotoWork) -> Iterator[list[Outcome]]:
        """Index the photographs; yields each batch's outcomes once they are on disk.

        Raises what stops the whole run (the collection was deleted, the disk is full), never a fault of one file.
        """
        self._enroller.terms.check(grant, work.basis)
        for batch, findings in self.analyses(grant, work, collection):
            grant.require(Action.ENROL, collection.id)
            yield self._stored(grant, collection, batch, findings, work.basis)

    def analyses(
        self, grant: Grant, work: PhotoWork, collection: Collection | None = None
    ) -> Iterator[tuple[Sequence[Photo], Sequence[Finding]]]:
        """The photographs in batches, with each batch's findings; nothing is stored. Nobody is looked at who has not
        agreed to be in the collection, where the profile asks for that."""
        grant.require(Action.ENROL)
        batches = [work.photos[start : start + work.batch] for start in range(0, len(work.photos), work.batch)]
        named = (self._agreed(grant, collection, [_named(each, work.namer) for each in batch]) for batch in batches)
        for analysed in zip(batches, work.pool.run(named), strict=True):
            grant.require(Action.ENROL)
            yield analysed

    def _agreed(
        self, grant: Grant, collection: Collection | None, named: list[PhotoFile | Skipped]
    ) -> list[PhotoFile | Skipped]:
        ids = [each.external_image_id for each in named if isinstance(each, PhotoFile)]
        allowed = self._enroller.terms.consented(grant, collection, ids)
        return [
            each if isinstance(each, Skipped) or each.external_image_id in allowed else _NO_CONSENT for each in named
        ]

    def _stored(
        self,
        grant: Grant,
        collection: Collection,
        batch: Sequence[Photo],
        findings: Sequence[Finding],
        basis: Basis | None,
    ) -> list[Outcome]:
        def store(analyses: list[PhotoAnalysis]) -> list[EnrolledFaces]:
            return self._enroller.store(collection, analyses, grant, basis) if analyses else []

        with self._indexed_files.with_faces():
            indexed = map_kept(findings, store)
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
