"""Servers on one database and one index that they share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_shared import ToyShared

from regard.domain.arrays import FloatArray
from regard.domain.galleries import MILVUS, Collection
from regard.engine.transfer.index_migration import IndexMigration
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows
from regard.store.move_rows import MoveRows
from regard.store.user_rows import UserRows
from regard.sync.index_sync import IndexSync
from regard.sync.shared_sync import SharedSync

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = "face-model-1"

#: What a database's kind makes no difference to.
on_sqlite = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


class Shared:
    """What all servers share beside the database."""

    def __init__(self) -> None:
        self.faces, self.users = ToyShared(), ToyShared()


class Server:
    """One server on a database: its connections, its indexes, its follower."""

    def __init__(self, url: str, shared: Shared | None, restore_guard: Path | None = None) -> None:
        self.database = database.open(url)
        self.collections = CollectionRows(self.database, MILVUS)
        self.faces, self.users = FaceRows(self.database), UserRows(self.database)
        self.index, self.users_index = EmbeddedIndex(), EmbeddedIndex()
        self.shared = shared and SharedSync(
            self.database, faces_index=shared.faces, users_index=shared.users, restore_guard=restore_guard
        )
        self.follower = IndexSync(
            self.database, faces_index=self.index, users_index=self.users_index, shared=self.shared
        )
        self.moves = MoveRows(self.database)
        self.migration = IndexMigration(self.moves, self.shared)

    def found(self, collection: Collection, probe: FloatArray) -> list[int]:
        (hits,) = self.follower.search_faces(collection.key, probe[:1], limit=1000, threshold=0.9)
        return hits.keys.tolist()

    def held(self, collection: Collection) -> list[int]:
        """What a search for anybody finds."""
        probe = np.eye(1, 16, dtype=np.float32)
        (hits,) = self.follower.search_faces(collection.key, probe, limit=100_000, threshold=-1)
        return sorted(hits.keys.tolist())


def person(server: Server, collection: Collection, name: str, vector: FloatArray) -> None:
    with server.users.changing(collection.key, name) as change:
        change.set_vector(vector)
    server.follower.follow(collection)


@contextmanager
def embedded(server: Server, name: str = "guests") -> Iterator[Collection]:
    yield CollectionRows(server.database).create(name, MODEL, {}, NOW)


def keys(faces: list[Any]) -> list[int]:
    return [face.key for face in faces]
