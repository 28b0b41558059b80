from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import numpy as np
import pytest
from postgres_server import PostgresServer

from regard.domain.arrays import FloatArray
from regard.domain.galleries import Collection, Face
from regard.domain.images import Box
from regard.index.vector_index import VectorIndex
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows, NewFace
from regard.store.feed_tables import FACE_FEED, USER_FEED
from regard.store.user_rows import UserRows
from regard.sync.feed import Feed

Index = TypeVar("Index", bound=VectorIndex)
MODEL = "face-model-1"
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


@dataclass(frozen=True)
class Store:
    """A database with its rows, and short ways to fill it."""

    url: str
    database: Database
    collections: CollectionRows
    faces: FaceRows
    users: UserRows

    def collection(self, name: str = "staff") -> Collection:
        return self.collections.create(name, MODEL, {}, NOW)

    def enrol(self, collection: Collection, count: int = 1, seed: int = 0) -> list[Face]:
        return self.faces.add(collection.key, new_faces(count), units(count, seed=seed), MODEL, NOW)


def feeds_of(faces: Index, users: Index) -> list[Feed[Index]]:
    """The feeds there are today, each with its index."""
    return [Feed(table=FACE_FEED, index=faces), Feed(table=USER_FEED, index=users)]


def new_faces(count: int) -> list[NewFace]:
    return [
        NewFace(
            face_id=str(uuid4()),
            image_id=str(uuid4()),
            external_image_id=f"person-{number}",
            box=Box(left=0.1, top=0.2, width=0.3, height=0.4),
            confidence=99.5,
        )
        for number in range(count)
    ]


def units(count: int, dimension: int = 16, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def make_new() -> Callable[[int], list[NewFace]]:
    return new_faces


@pytest.fixture
def make_units() -> Callable[..., FloatArray]:
    return units


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Every test of a database runs on both; SQLite's own say `parametrize("kind", ["sqlite"], indirect=True)`."""
    return str(request.param)


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'home' / 'regard.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database("TEMPLATE migrated") as name:
        yield server.url(name)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = database.open(url)
    yield Store(url, opened, CollectionRows(opened), FaceRows(opened), UserRows(opened))
    opened.close()
