"""From pictures to what a model is fed, as its card's input says."""

from __future__ import annotations

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.vision.cards import Input
from regard.vision.geometry import grey, planes


class Preprocess:
    """Channels, mean and standard deviation of one model's input, applied to pictures of the size it takes."""

    def __init__(self, model_input: Input) -> None:
        #: The width of its pictures in pixels; 0 for any.
        self.side = model_input.width
        self._grey = model_input.channels == "GREY"
        self._reverse = model_input.channels == "BGR"
        self._mean = np.array(model_input.mean, np.float32)[:, None, None]
        self._std = np.array(model_input.std, np.float32)[:, None, None]

    def __call__(self, pictures: ByteArray) -> FloatArray:
        """N×H×W×3 RGB bytes to N×C×H×W float32 as (x − mean) / std, each channel by its own."""
        if self._grey:
            pictures = grey(pictures)
        channels = planes(pictures)[:, :: -1 if self._reverse else 1]
        batch: FloatArray = np.subtract(channels, self._mean, dtype=np.float32, order="C")
        if np.any(self._std != 1):
            batch *= 1 / self._std
        return batch
