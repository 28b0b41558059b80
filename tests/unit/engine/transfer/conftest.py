from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from granting import Granting
from transfer_store import Store

from regard.store import database
from regard.store.database import Database


@pytest.fixture
def open_store(tmp_path: Path, granting: Granting) -> Iterator[Callable[[str], Store]]:
    opened: list[Database] = []

    def call(name: str) -> Store:
        opened.append(database.open(f"sqlite:///{tmp_path / name}.db"))
        return Store(opened[-1], granting)

    yield call
    for each in opened:
        each.close()


@pytest.fixture
def store(open_store: Callable[[str], Store]) -> Store:
    return open_store("here")


@pytest.fixture
def other(open_store: Callable[[str], Store]) -> Store:
    return open_store("there")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.parquet"
