from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from books import Book


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    opened = Book(tmp_path)
    yield opened
    opened.close()
