"""The models that say what is in a picture, loaded when they are first needed."""

from __future__ import annotations

from typing import Final

from regard.vision.cards import ModelCard, joint_version
from regard.vision.images.label_confidence import label_fingerprint
from regard.vision.images.object_detector import DetectorModel, ObjectDetector
from regard.vision.images.scene_classifier import SceneClassifier
from regard.vision.model_loader import ModelLoader
from regard.vision.preprocess import Preprocess

PACK: Final = "images"
DETECTOR_CARDS: Final = ("centernet", "nanodet")
CLASSIFIER_CARD: Final = "efficientnet-lite2"
IMAGE_CARDS: Final = (*DETECTOR_CARDS, CLASSIFIER_CARD)
#: What they keep, for each byte of their files: the three 111 of 37 MB, without what only conversion took.
_MEMORY_RATIO: Final = 3.0


class ImageModels:
    """The detectors of objects, as one, and the classifier of scenes."""

    def __init__(self, loader: ModelLoader) -> None:
        self._loader = loader

    @property
    def version(self) -> str:
        """What stands for the bytes of them all, and for what makes labels of their scores: if either is another, so
        is this."""
        cards = (self._loader.card(name).fingerprint for name in IMAGE_CARDS)
        return joint_version("labels", [*cards, label_fingerprint()])

    def objects(self) -> ObjectDetector:
        """Raises ResourceNotReady if the pack is not installed, ModelUnavailable if it is damaged; as does `scenes`."""
        return ObjectDetector([self._loader.once(name, self._detector) for name in DETECTOR_CARDS])

    def scenes(self) -> SceneClassifier:
        return self._loader.once(CLASSIFIER_CARD, self._classifier)

    def load(self) -> None:
        """Load everything now, so that the first request does not wait for it."""
        self.objects()
        self.scenes()

    def _detector(self, card: ModelCard) -> DetectorModel:
        session = self._loader.session(card, memory_ratio=_MEMORY_RATIO)
        return DetectorModel(session, card.family, Preprocess(card.input))

    def _classifier(self, card: ModelCard) -> SceneClassifier:
        session = self._loader.session(card, memory_ratio=_MEMORY_RATIO)
        return SceneClassifier(session, card.input)
