"""The one portrait that is always at hand (scikit-image's astronaut, public domain), in many shapes."""

from __future__ import annotations

import functools
import io
from importlib.resources import files
from pathlib import Path

import numpy as np
import PIL.Image

from regard.domain.arrays import ByteArray
from regard.domain.images import Image
from regard.engine.analysis.label_analyzer import LabelAnalyzer
from regard.media.image_decoder import decode
from regard.vision.cards import catalogue
from regard.vision.faces.face_model import KnownModels
from regard.vision.images.image_models import ImageModels
from regard.vision.model_loader import ModelLoader
from regard.vision.models import FaceModels
from regard.vision.zoo import Zoo


@functools.cache
def loaded(models: Path) -> FaceModels:
    """The core face models, loaded once in a run of the tests."""
    result = FaceModels(Zoo(models, None, catalogue()), detector="centerface", embedder="fr-feature")
    result.load()
    return result


@functools.cache
def labeller(models: Path) -> LabelAnalyzer:
    """What tells what is in a picture, its models loaded once in a run of the tests."""
    return LabelAnalyzer(ImageModels(ModelLoader(Zoo(models, None, catalogue()))), loaded(models))


def known_models(default: str = "fr-feature") -> KnownModels:
    """The face models that Regard has cards for."""
    cards = catalogue()
    return KnownModels(cards, cards[default])


@functools.cache
def astronaut() -> ByteArray:
    """512×512, one face, looking at us and smiling."""
    return decode((files("skimage") / "data/astronaut.png").read_bytes()).pixels


def head(side: int) -> ByteArray:
    """The astronaut's head alone, side×side."""
    return np.asarray(PIL.Image.fromarray(astronaut()[10:210, 120:320]).resize((side, side)))


def crowd(rows: int, columns: int, side: int = 64) -> ByteArray:
    """rows × columns heads of `side` pixels."""
    return np.tile(head(side), (rows, columns, 1))


def nobody(height: int = 480, width: int = 640) -> ByteArray:
    """A picture without a face: two colours that run into each other."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 90)], -1).astype(np.uint8)


def image(pixels: ByteArray) -> Image:
    return Image(pixels=pixels, width=pixels.shape[1], height=pixels.shape[0])


def encoded(pixels: ByteArray | PIL.Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    picture = pixels if isinstance(pixels, PIL.Image.Image) else PIL.Image.fromarray(pixels)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
