"""Equally poor pictures of strangers, with real models and photographs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageFilter
import pytest
from people import astronaut, encoded

from regard.domain.arrays import ByteArray
from regard.domain.faces import Detail
from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import load
from regard.engine.analysis.photo_analysis import Submission, analyze_photos
from regard.media.image_decoder import decode
from regard.vision.cards import catalogue
from regard.vision.faces.calibration import pair_utilities
from regard.vision.models import FaceModels
from regard.vision.zoo import Zoo

PEOPLE = 24


def blurred(picture: PIL.Image.Image, sigma: float = 8) -> PIL.Image.Image:
    return picture.filter(PIL.ImageFilter.GaussianBlur(sigma))


def washed_out(picture: PIL.Image.Image) -> PIL.Image.Image:
    return picture.point(lambda value: round(128 + (value - 128) * 0.06))


def dark(picture: PIL.Image.Image) -> PIL.Image.Image:
    return blurred(picture, 3).point(lambda value: round(value * 0.06))


def noisy(picture: PIL.Image.Image) -> PIL.Image.Image:
    noise = np.random.default_rng(0).normal(0, 70, (picture.height, picture.width, 3))
    return PIL.Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


@cache
def opened(models: Path, embedder: str) -> FaceModels:
    return FaceModels(Zoo(models, None, catalogue()), detector="centerface", embedder=embedder)


@pytest.mark.parametrize("embedder", ["sface", "fr-feature"])
@pytest.mark.parametrize("spoil", [blurred, washed_out, dark, noisy])
@pytest.mark.slow
def test_equally_poor_pictures_of_strangers_do_not_match(
    models: Path, shared_data: Path, embedder: str, spoil: Callable[[PIL.Image.Image], PIL.Image.Image]
) -> None:
    found = opened(models, embedder)
    analyzer, calibration = FaceAnalyzer(found), found.face_model.calibration
    vectors, utilities = [], []
    for file in islice(sorted(shared_data.glob("lfw-dev/*/*_0001.jpg")), 0, 40 * PEOPLE, 40):
        pixels = np.asarray(spoil(PIL.Image.fromarray(decode(file.read_bytes()).pixels)))
        (faces,) = analyzer.faces([Image(pixels=pixels, width=250, height=250)], Detail.EMBEDDING, limit=1)
        assert faces.utility is not None
        vectors += [faces.embeddings]
        utilities += faces.utility.tolist()
    units = np.concatenate([each for each in vectors if each is not None])
    first, second = np.triu_indices(len(units), 1)
    assert len(first) > 30
    cosines = (units @ units.T)[first, second]
    rated = np.array(utilities, np.float32)
    pairs = pair_utilities(rated[first], rated[second])
    assert (calibration.similarity(cosines) >= 80).mean() > 0.03  # without utility they do
    assert (calibration.similarity(cosines, pairs) >= 80).mean() <= 0.01


@pytest.mark.parametrize("embedder", ["sface", "fr-feature"])
def test_a_good_picture_is_good_and_a_poor_one_is_not(models: Path, embedder: str) -> None:
    analyzer = FaceAnalyzer(opened(models, embedder))
    portrait = PIL.Image.fromarray(astronaut())
    pictures = [np.asarray(each) for each in (portrait, blurred(portrait, 8))]
    images = [Image(pixels=pixels, width=512, height=512) for pixels in pictures]
    good, poor = (faces.utility for faces in analyzer.faces(images, Detail.EMBEDDING))
    assert good is not None
    assert poor is not None
    assert good[0] > 80
    assert poor[0] < 40


def two(first: ByteArray, second: ByteArray) -> Submission:
    """Two pictures side by side, the first one larger."""
    canvas = np.zeros((512, 800, 3), np.uint8)
    canvas[:, :512] = first
    canvas[:256, 530:786] = np.asarray(PIL.Image.fromarray(second).resize((256, 256)))
    return Submission(picture=load(encoded(canvas, "PNG")))


def test_a_face_of_too_little_utility_is_refused_and_the_next_takes_its_place(models: Path) -> None:
    analyzer = FaceAnalyzer(opened(models, "sface"))
    poor = np.asarray(noisy(PIL.Image.fromarray(astronaut())))
    (found,) = analyze_photos(analyzer, [two(poor, astronaut())], "AUTO", most=1)
    assert found.selection.kept.tolist() == [1]
    assert found.selection.refused == {0: ["LOW_FACE_QUALITY"]}
    assert len(found.chosen) == 1
    assert found.found.landmarks68 is None
    (everyone,) = analyze_photos(analyzer, [two(poor, astronaut())], "NONE")
    assert everyone.selection.kept.tolist() == [0, 1]
    (beyond,) = analyze_photos(analyzer, [two(astronaut(), astronaut())], "AUTO", most=1)
    assert beyond.selection.refused == {1: ["EXCEEDS_MAX_FACES"]}
