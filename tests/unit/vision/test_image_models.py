from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from people import astronaut
from skimage import data

from regard.errors import ResourceNotReady
from regard.vision.cards import ModelCard, catalogue
from regard.vision.images import label_confidence as label_confidence_module
from regard.vision.images.image_models import IMAGE_CARDS, ImageModels
from regard.vision.images.label_confidence import label_confidence, label_fingerprint
from regard.vision.images.object_confidence import Evidence
from regard.vision.images.scene_confidence import scene_percents
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


def test_the_version_is_another_when_a_model_the_taxonomy_or_what_scores_mean_is_another(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(cards: dict[str, ModelCard]) -> str:
        label_fingerprint.cache_clear()
        return ImageModels(ModelLoader(Zoo(models, None, cards))).version

    plain = version(catalogue())
    assert plain == version(catalogue())
    card = catalogue()["nanodet"]
    seen = {plain, version(catalogue() | {"nanodet": card.model_copy(update={"sha256": "0" * 64})})}
    for name, old, new in (("label_confidence.toml", "5.72", "5.73"), ("taxonomy.toml", '["Dog"]', '["Cat"]')):
        texts = {each: label_confidence_module._text(each) for each in ("label_confidence.toml", "taxonomy.toml")}
        assert old in texts[name]
        with monkeypatch.context() as patch:
            patch.setattr(label_confidence_module, "_text", (texts | {name: texts[name].replace(old, new)}).get)
            seen.add(version(catalogue()))
    assert len(seen) == 4
    assert version(catalogue()) == plain


def test_who_changes_what_confidences_mean_raises_the_revision() -> None:
    """The same scores make these confidences; if code that you changed makes others, raise `revision` in
    `label_confidence.toml`, and pin here what it makes now."""
    probabilities = np.full(1000, 0.4 / 998, np.float32)
    probabilities[[285, 834]] = 0.4, 0.2
    names = ("Cat", "Animal", "Suit", "Clothing", "Dog")
    scenes = [
        dict(zip(taxonomy().names, scene_percents(probabilities, portrait=portrait).tolist(), strict=True))
        for portrait in (False, True)
    ]
    objects = Evidence(
        scores=np.array([0.5, 0.5, 0.5, 0.15], np.float32),
        persons=np.array([True, True, False, True]),
        faces=np.array([1, 0, 0, 0.7], np.float32),
        kinds=np.array([0, 0, 0.4, 0], np.float32),
        garment=0.1,
    ).percent()
    pinned = {5: ([62.4, 87.7, 16.5, 40.3, 2.1], [13.4, 40.1, 62.6, 85.2, 0.2], [98.4, 54.4, 55.9, 66.7])}
    wanted = pinned[label_confidence().revision]
    found = *([[each[name] for name in names] for each in scenes]), objects.tolist()
    assert found == tuple(pytest.approx(each, abs=0.1) for each in wanted)
