"""What needs models and no database: pictures looked at, and nothing kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from regard.bootstrap.memory import object_memory, picture_memory
from regard.bootstrap.models import face_model, face_models, model_loader
from regard.bootstrap.stores import blob_store
from regard.config.settings import Settings
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.face_comparison import FaceComparison
from regard.engine.analysis.face_detection import FaceDetection
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.label_analyzer import LabelAnalyzer
from regard.engine.analysis.label_detection import LabelDetection
from regard.engine.analysis.probes import ProbeReader
from regard.engine.analysis.text_analyzer import TextDetection
from regard.vision.images.image_models import ImageModels
from regard.vision.images.text_models import TextModels


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What needs models and no database."""

    detection: FaceDetection
    comparison: FaceComparison
    labels: LabelDetection
    text: TextDetection


@contextmanager
def open_analysis(settings: Settings) -> Iterator[Analysis]:
    """The models, each loaded when it is first needed."""
    models = face_models(settings)
    analyzer = FaceAnalyzer(models)
    memory = picture_memory(settings)
    loader = ImageLoader(blob_store(settings), memory, object_memory(memory))
    yield Analysis(
        detection=FaceDetection(loader, analyzer),
        comparison=FaceComparison(ProbeReader(loader, analyzer), face_model(settings)),
        labels=LabelDetection(loader, LabelAnalyzer(ImageModels(model_loader(settings)), models)),
        text=TextDetection(loader, TextModels(model_loader(settings))),
    )
