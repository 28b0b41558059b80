"""A user's own models, from `models.toml` to faces: nothing but a card tells Regard what a file is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from toy_graphs import embedder, scrfd, yunet

from regard.domain.reporting import Meter
from regard.errors import ModelUnavailable, SettingsError
from regard.vision.cards import catalogue
from regard.vision.models import ATTRIBUTE_CARDS, FaceModels, Task
from regard.vision.zoo import Zoo

CALIBRATION = "calibration = [[-0.5, 1.0], [0.3, 1e-3], [0.6, 1e-6]]"


def card(file: Path, name: str, task: str, family: str, more: str = "", std: float = 255) -> str:
    content = file.read_bytes()
    side = 112 if task == "face-embedder" else 0
    return f"""
[{name}]
task = "{task}"
family = "{family}"
file = "{name}.onnx"
sha256 = "{hashlib.sha256(content).hexdigest()}"
size = {len(content)}
licence = "MIT"
provenance = "Made for this test."
input = {{ width = {side}, height = {side}, channels = "RGB", mean = [0, 0, 0], std = [{std}, {std}, {std}] }}
sources = [{{ file = "{file}" }}]
{more}
"""


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., FaceModels]:
    """FaceModels of the cards in a models.toml, their files pulled."""

    def make(detector: str, embedding: str, *cards: str, meter: Meter | None = None) -> FaceModels:
        toml = tmp_path / "models.toml"
        toml.write_text("".join(cards))
        zoo = Zoo(tmp_path / "models", None, catalogue(toml))
        zoo.pull(zoo.pack("own"))
        return FaceModels(zoo, detector=detector, embedder=embedding, meter=meter)

    return make


def own_models(tmp_path: Path, embedding: str) -> FaceModels:
    """FaceModels of the cards there are, whether or not their files are."""
    zoo = Zoo(tmp_path / "models", None, catalogue(tmp_path / "models.toml"))
    return FaceModels(zoo, detector="centerface", embedder=embedding)


def block(x: int, y: int) -> np.ndarray:
    """A 320×320 picture, black but for the 8×8 pixels of one cell."""
    picture = np.zeros((320, 320, 3), np.uint8)
    picture[y : y + 8, x : x + 8] = 255
    return picture


@pytest.mark.parametrize(
    ("family", "graph", "std", "box", "first"),
    [
        ("scrfd", scrfd, 255, [152, 72, 168, 88], (160, 80)),
        ("yunet", yunet, 1, [160, 80, 168, 88], (160, 80)),
    ],
)
def test_a_detector_of_ones_own_finds_faces(
    own: Callable[..., FaceModels],
    tmp_path: Path,
    family: str,
    graph: Callable[[Path], Path],
    std: float,
    box: list[float],
    first: tuple[float, float],
) -> None:
    models = own("mine", "fr-feature", card(graph(tmp_path / "d"), "mine", "face-detector", family, std=std))
    found = models.detector().detect([block(160, 80), np.zeros((100, 500, 3), np.uint8)])
    assert [len(faces) for faces in found] == [1, 0]
    corners = np.concatenate([found[0].boxes[0, :2], found[0].boxes[0, :2] + found[0].boxes[0, 2:]]) * 320
    np.testing.assert_allclose(corners, box, atol=1e-2)
    np.testing.assert_allclose(found[0].landmarks5[0] * 320, [np.add(first, 2 * n) for n in range(5)], atol=1e-2)
    assert found[0].scores[0] == pytest.approx(1)


def quarters(*values: int) -> np.ndarray:
    return np.repeat(np.array(values, np.uint8), 28)[None, None, :, None].repeat(112, 1).repeat(3, 3)


@pytest.mark.parametrize("mirror", [False, True])
def test_an_embedder_of_ones_own_embeds(own: Callable[..., FaceModels], tmp_path: Path, mirror: bool) -> None:
    more = f"dimension = 4\nmirror = {str(mirror).lower()}\n{CALIBRATION}"
    models = own("centerface", "mine", card(embedder(tmp_path / "e"), "mine", "face-embedder", "arcface", more))
    mine = models.embedder()
    vector = np.array([0, 50, 100, 250], np.float32)
    crops = np.concatenate([quarters(0, 50, 100, 250)] * 9 + [quarters(250, 100, 50, 0)])
    vectors = mine.embed(crops)
    assert vectors.shape == (10, 4)
    expected = vector + vector[::-1] if mirror else vector
    np.testing.assert_allclose(vectors[8], expected / np.linalg.norm(expected), atol=1e-4)
    assert (vectors[8] @ vectors[9] > 0.999) == mirror
    assert mine.calibration.similarity(np.array([0.6]))[0] == pytest.approx(99)
    assert mine.version.startswith("mine-")


def test_the_card_alone_says_what_the_engine_must_know_of_an_embedder(
    own: Callable[..., FaceModels], tmp_path: Path
) -> None:
    more = f"dimension = 4\n{CALIBRATION}"
    models = own("centerface", "mine", card(embedder(tmp_path / "e"), "mine", "face-embedder", "arcface", more))
    loaded = models.embedder()
    (tmp_path / "models" / "mine.onnx").unlink()
    unread = own_models(tmp_path, "mine").face_model
    assert (unread.version, unread.dimension, unread.calibration) == (loaded.version, 4, loaded.calibration)


def test_every_task_of_a_crop_has_a_card_for_that_task() -> None:
    cards = catalogue()
    assert {cards[name].task for name in ATTRIBUTE_CARDS} == set(Task) - {Task.GLASSES}
    assert cards["face-attrib-net"].task == Task.GLASSES


@pytest.mark.slow
def test_each_model_is_loaded_once_whoever_asks(own: Callable[..., FaceModels], tmp_path: Path) -> None:
    more = f"dimension = 4\n{CALIBRATION}"
    models = own(
        "eyes",
        "mind",
        card(scrfd(tmp_path / "d"), "eyes", "face-detector", "scrfd"),
        card(embedder(tmp_path / "e"), "mind", "face-embedder", "arcface", more),
    )
    with ThreadPoolExecutor(8) as pool:
        detectors = list(pool.map(lambda _: models.detector(), range(16)))
    assert len({id(each) for each in detectors}) == 1
    assert models.embedder() is models.embedder()
    assert models.names == ("eyes", "mind", *ATTRIBUTE_CARDS)


class Runs:
    """A meter that remembers which models ran."""

    def __init__(self) -> None:
        self.models: list[str] = []

    def model_ran(self, model: str, seconds: float) -> None:
        assert seconds > 0
        self.models.append(model)

    def faces_found(self, count: int) -> None:
        raise AssertionError("the models do not know")


@pytest.mark.slow
def test_a_meter_is_told_of_every_run_by_the_cards_name(own: Callable[..., FaceModels], tmp_path: Path) -> None:
    runs, more = Runs(), f"dimension = 4\n{CALIBRATION}"
    cards = [
        card(scrfd(tmp_path / "d"), "eyes", "face-detector", "scrfd"),
        card(embedder(tmp_path / "e"), "mind", "face-embedder", "arcface", more),
    ]
    models = own("eyes", "mind", *cards, meter=runs)
    models.detector().detect([block(160, 80)])
    assert runs.models == ["eyes"]
    mine = models.embedder()
    runs.models.clear()
    mine.embed(quarters(0, 50, 100, 250).repeat(9, 0))
    assert runs.models == ["mind", "mind"]  # eight at a time


def test_a_card_of_another_task_or_family_is_refused_in_words(own: Callable[..., FaceModels], tmp_path: Path) -> None:
    models = own(
        "odd",
        "bare",
        card(scrfd(tmp_path / "d"), "odd", "face-detector", "retinaface"),
        card(embedder(tmp_path / "e"), "bare", "face-embedder", "arcface", "dimension = 4"),
    )
    with pytest.raises(ModelUnavailable, match=r"odd is not a face detector.*centerface, scrfd, yunet"):
        models.detector()
    with pytest.raises(ModelUnavailable, match="bare is not a face embedder with a calibration"):
        models.embedder()
    with pytest.raises(ModelUnavailable, match="bare is not a face embedder with a calibration"):
        _ = models.face_model
    swapped = own("fr-feature", "centerface")
    with pytest.raises(ModelUnavailable, match="fr-feature is not a face detector"):
        swapped.detector()
    with pytest.raises(ModelUnavailable, match="centerface is not a face embedder"):
        swapped.embedder()
    with pytest.raises(ModelUnavailable, match="centerface is not a face embedder"):
        _ = swapped.face_model


# -- several embedders -----------------------------------------------------------------------------------------------


@pytest.fixture
def pair(own: Callable[..., FaceModels], tmp_path: Path) -> FaceModels:
    """Two embedders of one's own, `first` the default."""
    more = f"dimension = 4\n{CALIBRATION}"
    files = {"first": embedder(tmp_path / "e"), "second": embedder(tmp_path / "f")}
    files["second"].write_bytes(files["second"].read_bytes() + b"\x72\x00")  # an empty doc_string: other bytes
    cards = [card(file, name, "face-embedder", "arcface", more) for name, file in files.items()]
    return own("centerface", "first", *cards)


def version_of(models: FaceModels, name: str) -> str:
    return models._zoo.card(name).version


@pytest.mark.slow
def test_each_face_model_is_had_by_its_version_and_the_default_one_without(pair: FaceModels) -> None:
    first, second = (pair.embedder(version_of(pair, name)) for name in ("first", "second"))
    assert first is pair.embedder()
    assert second is not first
    assert (first.version, second.version) == (version_of(pair, "first"), version_of(pair, "second"))
    with pytest.raises(ModelUnavailable, match=r"other-12345678: there is no card for it; add one to models\.toml"):
        pair.embedder("other-12345678")


def test_only_further_embedders_tell_what_memory_they_take(pair: FaceModels) -> None:
    taken: list[int] = []
    models = FaceModels(pair._zoo, detector="centerface", embedder="first", takes=taken.append)
    models.embedder()
    assert taken == []
    for _ in range(2):
        models.embedder(version_of(pair, "second"))
    assert taken == [int(2.5 * pair._zoo.card("second").size)]


def test_what_failed_is_not_tried_again_until_its_file_changes(
    pair: FaceModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, tries = pair._zoo.directory / "second.onnx", list[str]()
    good, version = file.read_bytes(), version_of(pair, "second")
    file.write_bytes(b"x" + good[1:])
    files = Zoo.files
    monkeypatch.setattr(Zoo, "files", lambda zoo, name: (tries.append(name), files(zoo, name))[1])
    for _ in range(3):
        with pytest.raises(
            ModelUnavailable, match=r"'second' is corrupt .*; run `regard models pull second`"
        ) as caught:
            pair.embedder(version)
        assert caught.value.public == "the model 'second' is corrupt; run `regard models pull second`"
    assert tries == ["second"]
    file.write_bytes(good)
    os.utime(file, ns=(1, 1))
    assert pair.embedder(version).version == version


def test_a_missing_file_and_an_unknown_card_say_what_to_do(own: Callable[..., FaceModels]) -> None:
    models = own("centerface", "nobody")
    with pytest.raises(ModelUnavailable, match="run `regard models pull centerface`"):
        models.detector()
    with pytest.raises(SettingsError, match="there is no model card 'nobody'"):
        models.embedder()
    with pytest.raises(SettingsError, match="there is no model card 'nobody'"):
        _ = models.face_model
