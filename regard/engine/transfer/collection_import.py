"""Imports: the faces of a file into a collection, in transactions of thousands, from wherever it was stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

from regard.domain.galleries import Collection
from regard.domain.reporting import Progress
from regard.engine.galleries.user_vectors import vector
from regard.engine.transfer.collection_export import Compare
from regard.errors import InvalidParameter, ResourceAlreadyExists, ResourceNotFound
from regard.media.parquet import ahead
from regard.store.collection_rows import CollectionRows
from regard.store.transfer_rows import FaceColumns, TransferRows

#: Faces in a transaction: 64 MiB of embeddings at D=512. With fewer, the index on face ids is written more often.
BATCH = 65_536
#: Faces read at once: their embeddings fit the processor's cache, and memory is used again rather than asked for.
PIECE = 2048
#: Users whose vectors are made in a transaction.
_USERS = 4096


class Source(Protocol):
    """A file of faces of one model."""

    face_model: str
    rows: int

    def check(self, size: int, compare: Compare | None) -> Iterator[int]:
        """Read all of it, up to `size` rows at once, and give how many; `compare` is given the faces.

        Raises InvalidParameter where the file is no good, at the latest at the end.
        """

    def faces(self, size: int) -> Iterator[FaceColumns]:
        """The faces of a file that has been checked, up to `size` at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The collection to import into; what it is made with if it is not there. Users are ids and when they were made."""

    name: str
    created_at: datetime
    tags: dict[str, str] = field(default_factory=dict)
    users_without_faces: Sequence[Sequence[Any]] = ()
    #: Whether it may hold faces that the file does not have.
    adding: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of it: faces stored now, and those of the file that were there."""

    collection: Collection
    stored: int
    held: int


class Importer:
    """Brings files in. Whatever interrupts it, the same call goes on: a face that is there is passed over."""

    def __init__(self, collections: CollectionRows, rows: TransferRows, *, batch: int = BATCH) -> None:
        self._collections = collections
        self._rows = rows
        self._piece = min(batch, PIECE)
        self._most = batch // self._piece

    def run(self, source: Source, target: Target, progress: Progress) -> Imported:
        """Read all of the file to see that it is good, then import it.

        Raises InvalidParameter for a file that is no good, a collection of another face model, one that has a face of
        the file with another embedding, or, unless `adding`, faces that the file does not have: nothing is changed.
        """
        there = self._find(target.name)
        self._check(source, target, there, progress)
        collection = there or self._make(source, target)
        stored = done = 0
        pieces = ahead(source.faces(self._piece), self._most)  # made while SQLite writes the transaction before
        while batch := list(islice(pieces, self._most)):
            stored += self._rows.add(collection, batch)
            done += sum(map(len, batch))
            progress(f"Importing into {target.name}", done, source.rows)
        self._rows.add_users(collection, [(str(user_id), int(at)) for user_id, at in target.users_without_faces])
        self._fill(collection, progress)
        return Imported(collection=collection, stored=stored, held=done - stored)

    def _find(self, name: str) -> Collection | None:
        try:
            return self._collections.get(name)
        except ResourceNotFound:
            return None

    def _make(self, source: Source, target: Target) -> Collection:
        try:
            return self._collections.create(target.name, source.face_model, target.tags, target.created_at)
        except ResourceAlreadyExists as error:
            raise InvalidParameter(
                f"Somebody else has made the collection {target.name} meanwhile. Run the same command again."
            ) from error

    def _check(self, source: Source, target: Target, there: Collection | None, progress: Progress) -> None:
        if there and there.face_model != source.face_model:
            raise InvalidParameter(
                f"The collection {there.id} holds faces of the model {there.face_model}, and the file has faces of "
                f"{source.face_model}. Import it under another name: --as NAME."
            )
        count = self._collections.face_count(there.key) if there else 0
        held = done = 0

        def compare(faces: FaceColumns) -> None:
            nonlocal held
            if there and (held < count or target.adding):
                held += self._rows.held(there.key, faces)

        for checked in source.check(self._piece, compare if count else None):
            done += checked
            progress("Checking the file", done, source.rows)
        if held < count and not target.adding:
            raise InvalidParameter(
                f"The collection {target.name} holds {count - held:,} faces that the file does not have. Import it "
                f"under another name (--as NAME), or add to what is there (--add)."
            )

    def _fill(self, collection: Collection, progress: Progress) -> None:
        total, done = self._rows.users_wanting_vectors(collection), 0
        while done < total and (made := self._rows.fill_vectors(collection, _USERS, vector)):
            done += made
            progress("Making users' vectors", done, total)
