from __future__ import annotations

from pathlib import Path

import pytest
from cli_home import Person, person


@pytest.fixture
def user(models: Path, tmp_path: Path) -> Person:
    """Somebody who uses Regard for the first time, with the models at hand."""
    return person(tmp_path / "home", tmp_path / "pictures", models)
