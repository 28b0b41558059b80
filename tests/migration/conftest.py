from __future__ import annotations

import pytest
from made_once import FROM_NOTHING

from regard.store import sqlite_engine


@pytest.fixture(autouse=True)
def _databases_begin_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_engine, "alone", FROM_NOTHING)
