"""How likely a picture is pornographic, as far as one small model can tell."""

from __future__ import annotations

from typing import Final

import numpy as np

from regard.domain.arrays import ByteArray
from regard.vision.cards import Input, ModelCard
from regard.vision.geometry import resized
from regard.vision.model_loader import ModelLoader
from regard.vision.preprocess import Preprocess
from regard.vision.session import Session

PACK: Final = "moderation"
_CARD: Final = "open-nsfw"
#: The picture is reduced to this side, its proportions lost, and looked at without its margin.
WHOLE_PIXELS: Final = 256
#: What a run takes, at most: its widest layers, and the picture as numbers.
RUN_BYTES: Final = 16 << 20
#: What it keeps, for each byte of its file: 87 of 24 MB.
_MEMORY_RATIO: Final = 3.7


class ExplicitContent:
    """Yahoo's open_nsfw, a ResNet-50 of 2016. Safe from many threads."""

    def __init__(self, session: Session, model_input: Input) -> None:
        self._session = session
        self._preprocess = Preprocess(model_input)
        self._margin = (WHOLE_PIXELS - model_input.width) // 2

    def score(self, picture: ByteArray) -> float:
        """0..1 for an H×W×3 RGB picture."""
        inner = slice(self._margin, WHOLE_PIXELS - self._margin)
        planes = self._preprocess(resized(picture, WHOLE_PIXELS, WHOLE_PIXELS)[None, inner, inner])
        (shares,) = self._session.run(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)))
        return float(shares[0, 1])


class ModerationModels:
    """The model of the pack, loaded when it is first needed."""

    def __init__(self, loader: ModelLoader) -> None:
        self._loader = loader

    @property
    def version(self) -> str:
        return self._loader.card(_CARD).version

    def require(self) -> None:
        """Raises ResourceNotReady if the pack is not installed."""
        self._loader.require(PACK)

    def explicit_content(self) -> ExplicitContent:
        """Raises ResourceNotReady if the pack is not installed, ModelUnavailable if it is damaged."""
        return self._loader.once(_CARD, self._load)

    def _load(self, card: ModelCard) -> ExplicitContent:
        return ExplicitContent(self._loader.session(card, memory_ratio=_MEMORY_RATIO), card.input)
