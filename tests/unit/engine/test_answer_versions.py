from __future__ import annotations

from pathlib import Path

from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.label_analyzer import LabelAnalyzer
from regard.engine.analysis.protective_equipment import ProtectiveEquipment
from regard.vision.cards import catalogue
from regard.vision.images.image_models import ImageModels
from regard.vision.images.text_models import TextModels
from regard.vision.model_loader import ModelLoader
from regard.vision.models import FaceModels
from regard.vision.zoo import Zoo


class Nothing:
    """No pictures are stored."""

    def read(self, bucket: str, name: str, version: str | None, *, limit: int) -> bytes:
        raise NotImplementedError(bucket, name, version, limit)


def test_the_versions_of_text_and_equipment_follow_from_every_model_that_they_rest_on(models: Path) -> None:
    def versions(other: str | None = None) -> tuple[str, str]:
        cards = catalogue()
        if other:
            cards[other] = cards[other].model_copy(update={"sha256": "0" * 64})
        zoo = Zoo(models, None, cards)
        faces = FaceModels(zoo, detector="centerface", embedder="sface")
        loader = ModelLoader(zoo)
        analyzer = LabelAnalyzer(ImageModels(loader), faces)
        return TextModels(loader).version, ProtectiveEquipment(ImageLoader(Nothing()), analyzer, faces).version

    plain = versions()
    assert [versions(each)[0] != plain[0] for each in ("ppocr-det", "ppocr-rec", "nanodet")] == [True, True, False]
    cards = "nanodet", "efficientnet-lite2", "centerface", "face-mask", "ppocr-det"
    assert [versions(each)[1] != plain[1] for each in cards] == [True, True, True, True, False]
