from __future__ import annotations

import pytest
from all_operations import Operations
from toy_gallery import House

from regard.engine.analysis.face_analyzer import FaceAnalyzer


@pytest.fixture
def operations(house: House, analyzer: FaceAnalyzer) -> Operations:
    return Operations(house, analyzer)
