from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from people import astronaut, image, loaded

from regard.domain.faces import Detail, Faces
from regard.engine.analysis.face_analyzer import FaceAnalyzer


@pytest.fixture(scope="session")
def analyzer(models: Path) -> FaceAnalyzer:
    return FaceAnalyzer(loaded(models))


@pytest.fixture(scope="session")
def portrait(analyzer: FaceAnalyzer) -> Faces:
    """The astronaut, with everything the core models say."""
    return analyzer.faces([image(astronaut())], ~Detail.NONE)[0]


@pytest.fixture(scope="session")
def mirrored(analyzer: FaceAnalyzer) -> Faces:
    return analyzer.faces([image(np.ascontiguousarray(astronaut()[:, ::-1]))], ~Detail.NONE)[0]
