"""What a picture shows as a whole: the probabilities of ImageNet's classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.cards import Input
from regard.vision.geometry import resized
from regard.vision.preprocess import Preprocess
from regard.vision.session import Session, run_in_chunks

_OUTPUT = "logits"


class SceneClassifier:
    """A classifier of whole pictures. Safe for threads; list in, list out."""

    def __init__(self, session: Session, model_input: Input) -> None:
        self._session = session
        self._preprocess = Preprocess(model_input)
        self._place = session.outputs.index(_OUTPUT)

    @property
    def side(self) -> int:
        """Of the square, in pixels, that it sees of a picture."""
        return self._preprocess.side

    def probabilities(self, pictures: Sequence[ByteArray]) -> FloatArray:
        """N×classes of N H×W×3 RGB pictures, which are squeezed into the model's square whatever their proportions."""
        squares = np.stack([resized(picture, self.side, self.side) for picture in pictures])
        logits = run_in_chunks(self._session, squares, self._preprocess)[self._place]
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(likely / likely.sum(axis=1, keepdims=True), np.float32)
