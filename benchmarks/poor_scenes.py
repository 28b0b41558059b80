"""A photograph of a face that is about to be spoiled, and what every way of spoiling it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import PIL.Image

from regard.domain.arrays import ByteArray, FloatArray


@dataclass(frozen=True)
class Scene:
    """A good picture: its face's corner box, its 68 points, in pixels, and chance that is the same every time."""

    pixels: ByteArray
    box: FloatArray
    landmarks68: FloatArray
    chance: np.random.Generator = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width, height."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def side(self) -> float:
        """The square root of the face's area."""
        return float(np.sqrt(np.prod(self.box[2:] - self.box[:2])))

    @property
    def picture(self) -> PIL.Image.Image:
        return PIL.Image.fromarray(self.pixels)


Spoil = Callable[[Scene], ByteArray]


def after(*steps: Spoil) -> Spoil:
    """One after the other."""

    def spoil(scene: Scene) -> ByteArray:
        for step in steps:
            scene = Scene(step(scene), scene.box, scene.landmarks68, scene.chance)
        return scene.pixels

    return spoil


def array(picture: PIL.Image.Image) -> ByteArray:
    return np.asarray(picture.convert("RGB"), np.uint8)


def whole(values: FloatArray) -> ByteArray:
    return np.clip(values, 0, 255).astype(np.uint8)
