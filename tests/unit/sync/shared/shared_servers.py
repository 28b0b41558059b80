"""Servers on one database and one index that they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from granting import Granting
from stores import feeds_of
from toy_shared import ToyShared

from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.galleries import MILVUS, Collection
from regard.domain.reporting import Progress
from regard.engine.transfer.index_migration import IndexMigration, Moved
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
            self.database, feeds_of(shared.faces, shared.users), restore_guard=restore_guard
        )
        self.follower = IndexSync(self.database, feeds_of(self.index, self.users_index), shared=self.shared)
        self.moves = MoveRows(self.database)
        self.migration = Migration(IndexMigration(self.collections, self.moves, self.shared))

    def found(self, collection: Collection, probe: FloatArray) -> list[int]:
        (hits,) = self.follower.search("faces", collection.key, probe[:1], limit=1000, threshold=0.9)
        return hits.keys.tolist()

    def held(self, collection: Collection) -> list[int]:
        """What a search for anybody finds."""
        probe = np.eye(1, 16, dtype=np.float32)
        (hits,) = self.follower.search("faces", collection.key, probe, limit=100_000, threshold=-1)
        return sorted(hits.keys.tolist())


class Migration:
    """The door, with a grant for each call."""

    def __init__(self, door: IndexMigration) -> None:
        self._door = door

    def move(self, collection: Collection, into: str, progress: Progress | None = None) -> Moved:
        with Granting() as granting:
            return self._door.move(granting.may(Action.MOVE, collection.id), collection.id, into, progress)

    def refill(self, collection: Collection, progress: Progress | None = None) -> Moved:
        with Granting() as granting:
            return self._door.refill(granting.may(Action.ADMINISTER, collection.id), collection, progress)

    def refill_all(self, living_there: Iterable[Collection]) -> None:
        with Granting() as granting:
            self._door.refill_all(granting.may(Action.ADMINISTER), living_there)


def person(server: Server, collection: Collection, name: str, vector: FloatArray) -> None:
    with server.users.changing(collection.key, name) as change:
        change.set_vector(vector)
    server.follower.follow(collection)


@contextmanager
def embedded(server: Server, name: str = "guests") -> Iterator[Collection]:
    yield CollectionRows(server.database).create(name, MODEL, {}, NOW)


def keys(faces: list[Any]) -> list[int]:
    return [face.key for face in faces]
