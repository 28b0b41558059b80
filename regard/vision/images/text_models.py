"""The models that read text, loaded when they are first needed."""

from __future__ import annotations

from typing import Final

from regard.vision.cards import ModelCard, joint_version
from regard.vision.images.text_detector import STRIP_PIXELS, TextDetector
from regard.vision.images.text_reader import TextReader
from regard.vision.images.text_recognizer import TextRecognizer
from regard.vision.model_loader import ModelLoader

PACK: Final = "text"
_DETECTOR, _RECOGNIZER = "ppocr-det", "ppocr-rec"
#: What they keep, for each byte of their files: 37 of 10 MB, and 57 of 21.
_MEMORY_RATIO: Final = 3.0


class TextModels:
    """The reader of text, made of a detector of lines and a recognizer of what they say."""

    def __init__(self, loader: ModelLoader, *, strip_pixels: int = STRIP_PIXELS) -> None:
        """`strip_pixels` as in `TextDetector`."""
        self._loader = loader
        self._strip_pixels = strip_pixels

    @property
    def version(self) -> str:
        """What stands for the bytes of both models."""
        return joint_version("text", [self._loader.card(name).fingerprint for name in (_DETECTOR, _RECOGNIZER)])

    def reader(self) -> TextReader:
        """Raises ResourceNotReady if the pack is not installed, ModelUnavailable if it is damaged."""
        return TextReader(
            self._loader.once(_DETECTOR, self._detector),
            self._loader.once(_RECOGNIZER, self._recognizer),
        )

    def _detector(self, card: ModelCard) -> TextDetector:
        return TextDetector(self._loader.session(card, memory_ratio=_MEMORY_RATIO), card.input, self._strip_pixels)

    def _recognizer(self, card: ModelCard) -> TextRecognizer:
        return TextRecognizer(self._loader.session(card, memory_ratio=_MEMORY_RATIO), card.input)
