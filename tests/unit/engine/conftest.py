from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from people import loaded
from toy_gallery import NOW, House

from regard.engine.analyzer import Analyzer
from regard.engine.gallery import Gallery
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows
from regard.store.follower import Follower
from regard.store.vectors_embedded import EmbeddedIndex


@pytest.fixture(scope="session")
def analyzer(models: Path) -> Analyzer:
    return Analyzer(loaded(models))


@pytest.fixture
def house(tmp_path: Path, models: Path) -> Iterator[House]:
    opened = database.open(f"sqlite:///{tmp_path / 'regard.db'}")
    rows, faces, index = CollectionRows(opened), FaceRows(opened), EmbeddedIndex()
    follower = Follower(opened, faces, index)
    gallery = Gallery(
        collections=rows,
        faces=faces,
        index=index,
        follower=follower,
        embedder=loaded(models).embedder,
        clock=lambda: NOW,
    )
    yield House(gallery, rows, faces, follower, index)
    opened.close()
