from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from people import loaded
from toy_gallery import NOW, House

from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.galleries.gallery import Gallery
from regard.engine.galleries.user_vectors import Users
from regard.index.embedded.embedded_index import EmbeddedIndex
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows
from regard.store.user_rows import UserRows
from regard.sync.index_sync import IndexSync


@pytest.fixture(scope="session")
def analyzer(models: Path) -> FaceAnalyzer:
    return FaceAnalyzer(loaded(models))


@pytest.fixture
def house(tmp_path: Path, models: Path) -> Iterator[House]:
    opened = database.open(f"sqlite:///{tmp_path / 'regard.db'}")
    rows, faces, index, users_index = CollectionRows(opened), FaceRows(opened), EmbeddedIndex(), EmbeddedIndex()
    follower = IndexSync(opened, faces_index=index, users_index=users_index)
    gallery = Gallery(
        collections=rows,
        faces=faces,
        follower=follower,
        embedder=loaded(models).embedder,
        clock=lambda: NOW,
    )
    people = Users(gallery=gallery, users=UserRows(opened), follower=follower, clock=lambda: NOW)
    yield House(gallery, people, rows, faces, follower, index, users_index)
    opened.close()
