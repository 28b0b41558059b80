"""Objects plainly there in six photographs, whose boxes were drawn by hand."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from regard.engine.analysis.image_loader import load
from regard.engine.analysis.label_analyzer import LabelAnalyzer
from regard.vision.cards import catalogue
from regard.vision.geometry import overlaps
from regard.vision.images.image_models import ImageModels
from regard.vision.model_loader import ModelLoader
from regard.vision.models import FaceModels
from regard.vision.zoo import Zoo

TRUTH = tomllib.loads((Path(__file__).parents[2] / "benchmarks" / "label_truth.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def analyzer(models: Path) -> LabelAnalyzer:
    zoo = Zoo(models, None, catalogue())
    return LabelAnalyzer(ImageModels(ModelLoader(zoo)), FaceModels(zoo, detector="centerface", embedder="sface"))


@pytest.mark.parametrize("name", [name for name in TRUTH["objects"] if len(name) < 30])
def test_every_object_is_found_by_its_name_and_told_unless_more_is_asked_for(
    name: str, analyzer: LabelAnalyzer, shared_data: Path
) -> None:
    image = load((shared_data / "images" / name).read_bytes()).image
    found = analyzer.find(image)
    sides = np.array([image.width, image.height] * 2, np.float32)
    for label, *corners in TRUTH["objects"][name]:
        there = np.array([corners], np.float32) / sides
        mine = [row for row, each in enumerate(found.names) if each == label and found.percents[row] >= 55]
        assert (overlaps(there, found.boxes[mine]) >= 0.5).any(), (label, corners)
