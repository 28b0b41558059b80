from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from all_operations import Operations
from people import labeller, loaded
from toy_gallery import House
from toy_task import now
from video_studio import BOB, Studio, handlers_over

from regard.domain.callers import Principal
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.store import database
from regard.store.collection_rows import CollectionRows


@pytest.fixture
def operations(house: House, analyzer: FaceAnalyzer, models: Path) -> Operations:
    return Operations(house, analyzer, labeller(models), loaded(models))


@pytest.fixture(scope="module")
def shared(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    films = folder / "films"
    films.mkdir()
    opened = database.open(f"sqlite:///{folder / 'regard.db'}")
    CollectionRows(opened).create("staff", "sface", {}, now())
    (films / "manifest.jsonl").write_text('{"source-ref": "s3://films/clip.mp4"}')
    yield Studio(opened, films, handlers_over(opened, folder, models), BOB)
    opened.close()


@pytest.fixture
def studio(shared: Studio) -> Studio:
    (shared.films / "clip.mp4").write_bytes(b"x" * 100)
    return replace(shared, me=Principal(access_key_id=uuid4().hex, name="ada"))
