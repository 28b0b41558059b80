"""A database to export from and to import into."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from granting import Granting

from regard.accountability.enrolment_terms import EnrolmentTerms
from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.domain.images import Box
from regard.domain.reporting import Progress
from regard.engine.analysis.image_loader import uuid_of
from regard.engine.galleries.user_vectors import vector
from regard.engine.transfer.archive import Archive
from regard.engine.transfer.collection_export import CollectionExport
from regard.engine.transfer.collection_import import CollectionImport, Imported, Target
from regard.engine.transfer.embeddings_file import EmbeddingsFile
from regard.engine.transfer.manifest import Manifest
from regard.media.parquet import ParquetTable
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows, NewFace
from regard.store.transfer_rows import TransferRows
from regard.store.user_rows import UserRows

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
D, BATCH = 8, 16
MODEL = "toy-1"


def silent(description: str, done: int, total: int | None) -> None:
    """No progress."""


def units(count: int, seed: int = 0, dimension: int = D) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@dataclass
class Store:
    """A database, its rows, and the doors through which collections come and go."""

    opened: Database
    granting: Granting

    def __post_init__(self) -> None:
        self.collections = CollectionRows(self.opened)
        self.faces = FaceRows(self.opened)
        self.users = UserRows(self.opened)
        self.rows = TransferRows(self.opened)
        self.terms = EnrolmentTerms(self.opened, lambda: NOW)
        self.exports = CollectionExport(self.rows)
        self.imports = CollectionImport(self.collections, self.rows, self.terms, batch=BATCH)

    def fill(self, name: str = "people", count: int = 50) -> Collection:
        """A collection with tags, faces of all kinds, two users with faces and one without."""
        collection = self.collections.create(name, MODEL, {"site": "Ålesund"}, NOW)
        self.enrol(collection, units(count))
        for number, user_id in enumerate(("ada", "bob", "nobody")):
            self.users.create(collection.key, user_id, NOW + timedelta(seconds=number))
        ids = [face.face_id for face in self.faces.page(collection.key, 0, 5)]
        for user_id, theirs in (("ada", ids[:3]), ("bob", ids[3:])):
            with self.users.changing(collection.key, user_id) as change:
                change.join([each.key for each in change.candidates(theirs).values()])
                embeddings = change.embeddings()
                assert embeddings is not None
                change.set_vector(vector(embeddings))
        return collection

    def enrol(
        self, collection: Collection, embeddings: FloatArray, start: int = 0, utility: float | None = None
    ) -> None:
        new = [
            NewFace(
                face_id=uuid_of(b"face", str(start + row).encode()),
                image_id=uuid_of(b"image", str(row // 3).encode()),
                external_image_id=None if row % 4 == 0 else f"photo-{row}.jpg",
                box=Box(left=row / 100, top=0.1, width=1 / 3, height=0.25),
                confidence=99.123456,
                utility=utility,
            )
            for row in range(len(embeddings))
        ]
        self.faces.add(collection.key, new, embeddings, MODEL, NOW)

    def all(self, name: str) -> list[tuple[Any, ...]]:
        """All that a client or the index can learn of a collection, without keys."""
        key = self.collections.get(name).key
        return [
            *(
                (replace(face, key=0), self.faces.embedding(key, face.face_id).tolist())  # type: ignore[union-attr]
                for face in self.faces.page(key, 0, 10_000)
            ),
            *sorted(
                (user.id, user.status, None if (found := self.users.vector(key, user.id)) is None else found.tolist())
                for user in self.users.page(key, 0, 100)
            ),
        ]

    def export(self, file: Path, name: str = "people", report: Progress = silent) -> Manifest:
        return self.exports.export(self.granting.may(Action.EXPORT, name), name, file, report)

    def bring(self, file: Path, name: str = "people", *, add: bool = False, report: Progress = silent) -> Imported:
        with closing(ParquetTable(file)) as table:
            archive = Archive(table)
            about = archive.manifest
            target = Target(
                name=name,
                created_at=NOW,
                tags=about.tags,
                users_without_faces=about.users_without_faces,
                adding=add,
            )
            return self.imports.run(self.granting.may(Action.ENROL, name), archive, target, report)

    def embeddings(self, file: Path, name: str = "plain", dimension: int | None = None) -> Imported:
        with closing(ParquetTable(file)) as table:
            source = EmbeddingsFile(table, MODEL, dimension, NOW)
            grant = self.granting.may(Action.ENROL, name)
            return self.imports.run(grant, source, Target(name=name, created_at=NOW), silent)

    def damage(self, blob: str) -> None:
        """Replace one face's embedding by an SQL expression."""
        with self.opened.write() as connection:
            connection.exec_driver_sql(f"UPDATE faces SET embedding = {blob} WHERE key = 7")  # noqa: S608


def nothing_came(other: Store) -> bool:
    return other.collections.page(0, 10) == []
