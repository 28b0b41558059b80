from __future__ import annotations

from pathlib import Path

import pytest
from all_operations import Operations
from people import labeller, loaded
from toy_gallery import House

from regard.engine.analysis.face_analyzer import FaceAnalyzer


@pytest.fixture
def operations(house: House, analyzer: FaceAnalyzer, models: Path) -> Operations:
    return Operations(house, analyzer, labeller(models), loaded(models))
