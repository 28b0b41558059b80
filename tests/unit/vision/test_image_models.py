from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from people import astronaut
from skimage import data

from regard.errors import ResourceNotReady
from regard.vision.cards import catalogue
from regard.vision.images.image_models import IMAGE_CARDS, ImageModels
from regard.vision.images.taxonomy import taxonomy
from regard.vision.model_loader import ModelLoader
from regard.vision.zoo import Zoo


class Meter:
    def __init__(self) -> None:
        self.runs: list[str] = []

    def model_ran(self, model: str, seconds: float) -> None:
        assert seconds > 0
        self.runs.append(model)

    def faces_found(self, count: int) -> None:
        """Not told here."""


@pytest.fixture(scope="module")
def loaded(models: Path) -> ImageModels:
    return ImageModels(ModelLoader(Zoo(models, None, catalogue())))


def test_each_is_loaded_once_and_memory_is_told_of_it(models: Path) -> None:
    taken: list[int] = []
    meter = Meter()
    found = ImageModels(ModelLoader(Zoo(models, None, catalogue()), meter=meter, takes=taken.append))
    assert taken == []
    with ThreadPoolExecutor(4) as many:
        list(many.map(lambda _: found.load(), range(4)))
    assert len(taken) == len(IMAGE_CARDS)
    assert 80e6 < sum(taken) < 160e6
    found.objects().detect([astronaut()])
    found.scenes().probabilities([astronaut()])
    assert sorted(meter.runs) == sorted(IMAGE_CARDS)


def test_what_is_not_installed_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    empty = ImageModels(ModelLoader(Zoo(tmp_path, None, catalogue())))
    with pytest.raises(ResourceNotReady, match=r"centernet, nanodet, efficientnet-lite2\. `regard models pull images`"):
        empty.objects()
    assert empty.version.startswith("labels-")


def test_the_classifier_knows_a_cat_a_cup_and_is_not_sure_of_noise(loaded: ImageModels) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    probabilities = loaded.scenes().probabilities([data.chelsea(), data.coffee(), noise])
    assert probabilities.shape == (3, 1000)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert probabilities.argmax(axis=1).tolist()[:2] == [285, 967]  # Egyptian cat, espresso
    np.testing.assert_allclose(probabilities[[0, 1], [285, 967]], [0.75, 0.87], atol=0.05)
    assert probabilities[2].max() < 0.5


def test_many_pictures_are_told_as_each_by_itself(loaded: ImageModels) -> None:
    scenes = loaded.scenes()
    pictures = [data.chelsea(), data.coffee(), astronaut()] * 4
    together = scenes.probabilities(pictures)
    np.testing.assert_allclose(together[1:2], scenes.probabilities(pictures[1:2]), atol=1e-5)
    np.testing.assert_allclose(together[:3], together[9:], atol=1e-5)


def test_the_detectors_find_the_cup_where_it_is(loaded: ImageModels) -> None:
    (found,) = loaded.objects().detect([data.coffee()])
    names = [taxonomy().object_names[int(number)] for number in found.classes]
    row = names.index("Cup")
    np.testing.assert_allclose(found.boxes[row], [0.31, 0.05, 0.75, 0.84], atol=0.06)
    assert found.scores[row] > 0.35
