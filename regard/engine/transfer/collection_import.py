"""Importing the faces of a file into a collection, in large transactions; an interrupted import can be resumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Protocol

from regard.accountability.enrolment_terms import Basis, EnrolmentTerms
from regard.accountability.gate import Grant
from regard.accountability.profiles.profile_tags import check_archive, check_new
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.domain.reporting import Progress
from regard.engine.galleries.user_vectors import vector
from regard.engine.transfer.archive import Compare
from regard.engine.transfer.model_fit import ModelFit, Strangers
from regard.errors import InvalidParameter, ResourceAlreadyExists
from regard.media.parquet import ahead
from regard.store.collection_rows import CollectionRows
from regard.store.transfer_rows import FaceColumns, TransferRows

#: Faces in a transaction: 64 MiB of embeddings at D=512. With fewer, the index on face ids would be written more often.
BATCH = 65_536
#: Faces read at once: their embeddings fit the processor's cache, and memory is reused instead of allocated.
PIECE = 2048
#: Users whose vectors are made in a transaction.
_USERS = 4096


class Source(Protocol):
    """A file of faces of one model."""

    face_model: str
    rows: int
    #: How well the faces fit the model, once they are checked.
    fit: ModelFit

    def check(self, size: int, compare: Compare | None) -> Iterator[int]:
        """Read all of it, up to `size` rows at once, and yield how many; `compare` is called with the faces.

        Raises InvalidParameter if the file is invalid, at the latest at the end.
        """

    def faces(self, size: int) -> Iterator[FaceColumns]:
        """The faces of a checked file, up to `size` at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The collection to import into, and what to create it with if it does not exist. Users are ids and times of
    creation."""

    name: str
    created_at: datetime
    tags: dict[str, str] = field(default_factory=dict)
    users_without_faces: Sequence[tuple[str, int]] = ()
    #: Whether the collection may hold faces that the file does not have.
    adding: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The result: the number of faces stored now, of the file's faces that were there already, and of all faces in the
    collection; and those of the file that do not look like the model's, which searches may miss."""

    collection: Collection
    stored: int
    held: int
    size: int
    strangers: Strangers


class CollectionImport:
    """Imports files. After an interruption the same call resumes: faces that are stored already are skipped."""

    def __init__(
        self, collections: CollectionRows, rows: TransferRows, terms: EnrolmentTerms, *, batch: int = BATCH
    ) -> None:
        self._collections = collections
        self._rows = rows
        self._terms = terms
        self._piece = min(batch, PIECE)
        self._most = batch // self._piece

    def run(
        self, grant: Grant, source: Source, target: Target, progress: Progress, basis: Basis | None = None
    ) -> Imported:
        """Read the whole file to check it, then import it; `basis` says why the faces may be kept, where the profile
        asks for that.

        Raises AccessDenied if there is none, or the profile asks for everybody's written release; and InvalidParameter,
        and changes nothing, if the file is invalid; if the collection is of another face model or has one of the file's
        faces with another embedding; or, unless `adding`, if it has faces that the file lacks.
        """
        grant.require(Action.ENROL, target.name)
        self._terms.check_import(grant, basis)
        there = self._collections.find(target.name)
        if there is None:
            check_new(target.tags, grant.rules)
        else:
            check_archive(target.tags, grant.rules, there.id)
        self._check(source, target, there, progress)
        grant.note(faces_in_file=source.rows, face_model=source.face_model)
        collection = there or self._make(source, target)
        stored = done = 0
        pieces = ahead(source.faces(self._piece), self._most)  # read while SQLite writes the previous transaction
        while batch := list(islice(pieces, self._most)):
            with self._terms.storing(grant):
                stored += self._rows.add(collection, batch)
            done += sum(map(len, batch))
            progress(f"Importing into {target.name}", done, source.rows)
        self._rows.add_users(collection, target.users_without_faces)
        self._fill(collection, progress)
        self._terms.record_all(grant, collection, basis)
        size = self._collections.face_count(collection.key)
        return Imported(
            collection=collection, stored=stored, held=done - stored, size=size, strangers=source.fit.strangers()
        )

    def _make(self, source: Source, target: Target) -> Collection:
        try:
            return self._collections.create(target.name, source.face_model, target.tags, target.created_at)
        except ResourceAlreadyExists as error:
            raise InvalidParameter(
                f"Another process has just created the collection {target.name}. Run the same command again."
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
                f"under another name (--as NAME), or add to the collection (--add)."
            )

    def _fill(self, collection: Collection, progress: Progress) -> None:
        total, done = self._rows.users_wanting_vectors(collection), 0
        while done < total and (made := self._rows.fill_vectors(collection, _USERS, vector)):
            done += made
            progress("Computing users' vectors", done, total)
