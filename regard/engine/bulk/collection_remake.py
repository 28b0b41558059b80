"""Moving a collection to another face model: each face is found again in its picture, and embedded again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.galleries import Collection, FaceLeft, Remake
from regard.domain.images import Box
from regard.domain.reporting import Progress
from regard.engine.analysis.face_finder import FoundAgain, KnownPicture
from regard.engine.analysis.image_loader import uuid_of
from regard.engine.bulk.folder_walk import Photo
from regard.engine.galleries.user_vectors import vector
from regard.engine.work.worker_pool import WorkerPool
from regard.store.collection_rows import CollectionRows
from regard.store.indexed_file_rows import IndexedFileRows
from regard.store.remake_rows import RemakeRows

#: Workers that find faces again.
FinderPool = WorkerPool[KnownPicture, FoundAgain]
#: Pictures whose faces are stored in one transaction.
_BATCH_PICTURES = 16
#: Faces read from SQL at once.
_PAGE = 8192


class CollectionRemake:
    """Fills a hidden collection of the new model beside the old one, which is searched and written to as before; at the
    end the new one takes its place, at once for all servers. What was done stays done after an interruption."""

    def __init__(self, collections: CollectionRows, remakes: RemakeRows, indexed_files: IndexedFileRows) -> None:
        self._collections = collections
        self._remakes = remakes
        self._indexed_files = indexed_files

    def begin(self, grant: Grant, collection: Collection, face_model: str) -> Remake:
        """A remake by the face model of that version, or the unfinished one by it."""
        grant.require(Action.ADMINISTER, collection.id)
        return self._remakes.begin(collection, face_model)

    def give_up(self, grant: Grant, collection: Collection) -> bool:
        """Forget an unfinished remake; whether there was one."""
        grant.require(Action.ADMINISTER, collection.id)
        return self._remakes.give_up(collection)

    def progress(self, grant: Grant, remake: Remake) -> tuple[int, int]:
        """How many faces are done, and how many there are."""
        grant.require(Action.ADMINISTER, remake.source.id)
        return self._collections.face_count(remake.target.key), self._collections.face_count(remake.source.key)

    def left(self, grant: Grant, remake: Remake) -> Iterator[list[FaceLeft]]:
        """The faces still to be done, oldest first, a page at a time."""
        grant.require(Action.ADMINISTER, remake.source.id)
        after = 0
        while page := self._remakes.left(remake, after, _PAGE):
            yield page
            after = page[-1].key

    def known_files(self, grant: Grant, remake: Remake, faces: Iterable[FaceLeft]) -> dict[str, str]:
        """Image id to path, of the faces' pictures that came from a file."""
        grant.require(Action.ADMINISTER, remake.source.id)
        return self._indexed_files.path_of(remake.source.key, sorted({face.image_id for face in faces}))

    def run(
        self, grant: Grant, remake: Remake, faces: Iterable[FaceLeft], files: Mapping[str, str], pool: FinderPool
    ) -> Iterator[FoundAgain]:
        """Find and store these faces, whose pictures are in `files` by their ids; yields each picture's result once it
        is on disk. Raises what stops the whole run, never a fault of one picture."""
        grant.require(Action.ADMINISTER, remake.source.id)
        boxes: dict[str, dict[str, Box]] = {}
        for face in faces:
            boxes.setdefault(face.image_id, {})[face.face_id] = face.box
        pictures = [KnownPicture(path=files[image], image_id=image, boxes=some) for image, some in boxes.items()]
        starts = range(0, len(pictures), _BATCH_PICTURES)
        for found in pool.run(pictures[start : start + _BATCH_PICTURES] for start in starts):
            self._remakes.add(remake, {name: row for each in found for name, row in each.embeddings.items()})
            yield from found

    def end(self, grant: Grant, remake: Remake, without: set[str]) -> list[FaceLeft]:
        """Put the new collection in the old one's place, `without` the faces of these ids. If others are missing, these
        are returned and nothing is changed. Raises as `RemakeRows.end`."""
        grant.require(Action.ADMINISTER, remake.source.id)
        return self._remakes.end(remake, without, vector)


def by_image_id(photos: Iterable[Photo], progress: Progress) -> dict[str, str]:
    """The files by the ids of their pictures, each read whole; what cannot be read is left out."""
    photos = list(photos)
    found: dict[str, str] = {}
    for done, photo in enumerate(photos, 1):
        try:
            found[uuid_of(b"image", Path(photo.path).read_bytes())] = photo.path
        except OSError:
            continue
        progress("Reading the pictures", done, len(photos))
    return found
