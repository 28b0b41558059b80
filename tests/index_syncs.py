"""Indexes that follow a database, for tests of what writes to it and searches it."""

from __future__ import annotations

from stores import feeds_of

from regard.index.vector_index import SharedIndex, VectorIndex
from regard.store.database import Database
from regard.sync.index_sync import IndexSync
from regard.sync.shared_sync import SharedSync


def open_index_sync(
    database: Database, faces: VectorIndex, users: VectorIndex, shared: SharedSync | None = None
) -> IndexSync:
    return IndexSync(database, feeds_of(faces, users), shared=shared)


def open_shared_sync(database: Database, faces: SharedIndex, users: SharedIndex) -> SharedSync:
    return SharedSync(database, feeds_of(faces, users))
