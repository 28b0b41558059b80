from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_home import Person, person
from granting import Granting
from people import known_models, loaded
from toy_gallery import House

from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.store import database


@pytest.fixture
def user(models: Path, tmp_path: Path) -> Person:
    """Somebody who uses Regard for the first time, with the models at hand."""
    return person(tmp_path / "home", tmp_path / "pictures", models)


@pytest.fixture(scope="session")
def analyzer(models: Path) -> FaceAnalyzer:
    return FaceAnalyzer(loaded(models))


@pytest.fixture
def buckets(tmp_path: Path) -> Path:
    """A folder of buckets."""
    folder = tmp_path / "buckets"
    folder.mkdir()
    return folder


@pytest.fixture
def granting() -> Iterator[Granting]:
    with Granting() as made:
        yield made


@pytest.fixture
def house(tmp_path: Path, models: Path, analyzer: FaceAnalyzer, buckets: Path, granting: Granting) -> Iterator[House]:
    opened = database.open(f"sqlite:///{tmp_path / 'regard.db'}")
    yield House(opened, analyzer, known_models(), buckets=buckets, granting=granting)
    opened.close()
