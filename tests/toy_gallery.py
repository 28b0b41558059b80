"""Galleries of made-up faces, for tests that need no picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from granting import Granting
from index_syncs import open_index_sync

from regard.accountability.enrolment_terms import EnrolmentTerms
from regard.bootstrap.cases import reviewing
from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.faces import Faces
from regard.domain.galleries import Collection, Face
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.photo_analysis import PhotoAnalysis
from regard.engine.analysis.probes import ProbeReader
from regard.engine.analysis.quality_filter import Selection
from regard.engine.bulk.folder_indexing import FolderIndexing
from regard.engine.galleries.collection_quality import CollectionQuality
from regard.engine.galleries.enrolment import Enroller, Enrolment
from regard.engine.galleries.face_search import FaceSearch
from regard.engine.galleries.gallery import Galleries
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.reviewed_search import ReviewedSearch
from regard.engine.galleries.user_curation import UserCuration
from regard.engine.galleries.user_files import UserFiles
from regard.engine.galleries.user_history import UserHistory
from regard.engine.galleries.user_likenesses import UserLikenesses
from regard.engine.galleries.user_record import UserRecord
from regard.engine.galleries.user_search import UserSearch
from regard.engine.galleries.user_vectors import Users
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.media.blobs import FolderStore
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.indexed_file_rows import IndexedFileRows
from regard.store.upload_rows import UploadRows
from regard.store.user_rows import UserRows
from regard.vision.faces.face_model import KnownModels

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class House:
    """The doors of galleries on a database of their own, with indexes that follow it; and what the doors stand on.

    `may` gets a grant from an open gate; it lasts until the test has ended. The others are `Granting`'s.
    """

    def __init__(
        self, database: Database, analyzer: FaceAnalyzer, face_models: KnownModels, *, buckets: Path, granting: Granting
    ) -> None:
        self.database = database
        self.may = granting.may
        self.opens_only_to, self.opens_only_to_all = granting.opens_only_to, granting.opens_only_to_all
        self.collections = CollectionRows(database)
        self.face_rows, self.user_rows = FaceRows(database), UserRows(database)
        self.indexed_files = IndexedFileRows(database)
        self.index, self.users_index = EmbeddedIndex(), EmbeddedIndex()
        self.index_sync = open_index_sync(database, self.index, self.users_index)
        self.folder = buckets
        self.loader = ImageLoader(FolderStore(buckets))
        self.probes = ProbeReader(self.loader, analyzer)
        self.matcher = Matcher(models=face_models, index=self.index_sync, faces=self.face_rows, users=self.user_rows)
        self.reviewing = reviewing(database, buckets.parent, lambda: NOW)
        self.terms = EnrolmentTerms(database, lambda: NOW)
        self.enroller = Enroller(
            collections=self.collections,
            faces=self.face_rows,
            matcher=self.matcher,
            pictures=self.reviewing.pictures,
            terms=self.terms,
            clock=lambda: NOW,
        )
        self.clock = NOW
        self._open_doors(analyzer)

    def _open_curation(self) -> None:
        database, matcher, cases = self.database, self.matcher, self.reviewing.cases
        record = UserRecord(database, lambda: self.clock)
        self.curation = UserCuration(database, matcher, self.terms, record)
        self.history = UserHistory(database, matcher, self.terms, cases, lambda: self.clock)
        self.user_files = UserFiles(database, matcher, cases)
        self.likenesses = UserLikenesses(database, matcher, cases)
        self.quality = CollectionQuality(database, matcher, cases)

    def _open_doors(self, analyzer: FaceAnalyzer) -> None:
        rows, matcher = self.collections, self.matcher
        self.galleries = Galleries(
            collections=rows,
            faces=self.face_rows,
            matcher=matcher,
            cases=self.reviewing.cases,
            progress=self.reviewing.progress,
            clock=lambda: NOW,
        )
        reviewed = ReviewedSearch(self.reviewing.opening, self.reviewing.pictures, self.face_rows)
        self.uploads = UploadRows(self.database)
        self.enrolment = Enrolment(
            collections=rows, uploads=self.uploads, loader=self.loader, analyzer=analyzer, enroller=self.enroller
        )
        self.face_search = FaceSearch(
            collections=rows,
            matcher=matcher,
            probes=self.probes,
            terms=self.terms,
            indexed_files=self.indexed_files,
            reviewed=reviewed,
        )
        self.users = Users(
            collections=rows,
            users=self.user_rows,
            matcher=matcher,
            terms=self.terms,
            cases=self.reviewing.cases,
            record=UserRecord(self.database, lambda: self.clock),
        )
        self._open_curation()
        self.user_search = UserSearch(
            collections=rows,
            users=self.user_rows,
            matcher=matcher,
            probes=self.probes,
            terms=self.terms,
            reviewed=reviewed,
        )
        self.folders = FolderIndexing(collections=rows, enroller=self.enroller, indexed_files=self.indexed_files)

    def collection(self, name: str = "staff") -> Collection:
        return self.galleries.create(self.may(Action.ADMINISTER, name), name, {})

    def store(self, collection: Collection, analyses: Sequence[PhotoAnalysis]) -> list[list[Face]]:
        """The faces stored of each picture."""
        return [list(each.enrolled.values()) for each in self.enroller.store(collection, analyses)]

    def enrol(
        self, collection: Collection, embeddings: FloatArray, image_id: str = "picture", utility: float | None = None
    ) -> list[Face]:
        """The faces of one made-up picture, stored."""
        return self.store(collection, [analysis(embeddings, image_id, utility=utility)])[0]

    def faces(self, collection: Collection, user_id: str | None = None) -> list[Face]:
        """All that it holds, or all of a user's."""
        return self.galleries.faces(self.may(Action.READ, collection.id), collection, 0, 1000, user_id=user_id)

    def size(self, collection: Collection) -> int:
        return self.galleries.describe(self.may(Action.READ, collection.id), collection.id).faces

    def delete(self, name: str) -> None:
        self.galleries.delete(self.may(Action.DELETE, name), name)


def like(vector: FloatArray, cosine: float, seed: int = 9) -> FloatArray:
    """A unit vector at `cosine` to another."""
    other = unit_rows(1, seed)[0]
    other = other - (other @ vector) * vector
    other /= np.linalg.norm(other)
    return np.asarray(cosine * vector + np.sqrt(1 - cosine**2) * other, np.float32)


def unit_rows(count: int, seed: int = 0) -> FloatArray:
    rows = np.random.default_rng(seed).standard_normal((count, 512), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def photographs(person: int, count: int, cosine: float = 0.9) -> FloatArray:
    """Faces of one made-up person, `cosine` from the same middle."""
    middle = unit_rows(1, 1000 + person)[0]
    return np.stack([like(middle, cosine, 50 * person + number) for number in range(count)])


def made_up(embeddings: FloatArray, *, shift: float = 0.0) -> Faces:
    """Faces side by side with these embeddings."""
    count = len(embeddings)
    boxes = np.tile(np.array([0, 0.1, 0.05, 0.1], np.float32), (count, 1))
    boxes[:, 0] = np.arange(count) / max(count, 1) + shift
    points = np.zeros((count, 5, 2), np.float32)
    return Faces(boxes=boxes, scores=np.full(count, 0.9, np.float32), landmarks5=points, embeddings=embeddings)


def analysis(
    embeddings: FloatArray, image_id: str = "picture", external: str | None = None, utility: float | None = None
) -> PhotoAnalysis:
    """A made-up picture, all of whose faces are kept."""
    faces = made_up(embeddings)
    if utility is not None:
        faces = replace(faces, utility=np.full(len(faces), utility, np.float32))
    kept = Selection(kept=np.arange(len(faces)), refused={})
    return PhotoAnalysis(image_id=image_id, external_image_id=external, found=faces, selection=kept, chosen=faces)
