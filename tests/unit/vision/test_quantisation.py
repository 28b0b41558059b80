"""A graph in bytes: nearly the answers of the floats, and the same on every processor."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from people import astronaut
from toy_graphs import node, save_graph

from regard.vision.cards import catalogue
from regard.vision.faces.face_detector import FaceDetector
from regard.vision.quantisation import MOST_OF_TWO, Quantisation, equalised, is_depthwise, of, quantised
from regard.vision.session import OnnxSession

SCALES = {"inner": np.full(4, 0.01, np.float32), "y": np.full(2, 0.02, np.float32)}
HOW = Quantisation(
    factors={"inner": np.array([1, 1.25, 1.5, 2], np.float32)},
    activations={"positive": np.array([3.0, 0], np.float32)},
    weights=SCALES,
)


def two_layers(file: Path, first: np.ndarray, second: np.ndarray) -> Path:
    return save_graph(
        file,
        [node("Conv", "x a b", "inner"), node("Relu", "inner", "positive"), node("Conv", "positive c d", "y")],
        inputs={"x": ("batch", 3, "height", "width")},
        outputs={"y": ("batch", 2, "height", "width")},
        weights={"a": first, "b": np.zeros(4, np.float32), "c": second, "d": np.zeros(2, np.float32)},
    )


def test_a_graph_in_bytes_gives_nearly_what_it_gave(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    first, second = (chance.uniform(-1, 1, shape).astype(np.float32) for shape in ((4, 3, 1, 1), (2, 4, 1, 1)))
    file = two_layers(tmp_path / "a.onnx", first, second)
    picture = chance.integers(0, 256, (1, 8, 8, 4), np.uint8)
    (floats,) = OnnxSession(file).run(picture[..., :3].transpose(0, 3, 1, 2).astype(np.float32))
    (whole,) = OnnxSession(file, quantisation=HOW).run(picture)
    assert np.abs(whole - floats).mean() < 0.05 * np.abs(floats).mean()
    assert not np.array_equal(whole, floats)


def test_sums_of_the_largest_weights_and_bytes_are_exact(tmp_path: Path) -> None:
    """Two neighbours of 64 are the most together: with 65, older processors would cut the sum off."""
    first = np.full((4, 3, 1, 1), MOST_OF_TWO / 2 * 0.01, np.float32)
    file = two_layers(tmp_path / "a.onnx", first, np.ones((2, 4, 1, 1), np.float32))
    how = Quantisation(factors={}, activations={"positive": np.array([2.0, 0], np.float32)}, weights=SCALES)
    picture = np.full((1, 8, 8, 4), 255, np.uint8)
    (found,) = OnnxSession(file, quantisation=how).run(picture)
    inner = np.rint(3 * 255 * 64 * 0.01 / 2) * 2
    np.testing.assert_allclose(found, 4 * inner, rtol=1e-6)


@pytest.fixture(scope="module")
def graph(models: Path) -> onnx.ModelProto:
    return onnx.load(str(catalogue()["centerface"].files_in(models).file))


def test_the_detectors_weights_overflow_on_no_processor(graph: onnx.ModelProto) -> None:
    how = of(catalogue()["centerface"].version)
    assert how is not None
    tensors = {each.name: onnx.numpy_helper.to_array(each) for each in quantised(graph, how).graph.initializer}
    looked_at = 0
    for convolution in graph.graph.node:
        if convolution.op_type != "Conv" or convolution.output[0] not in how.weights or is_depthwise(convolution):
            continue
        whole = tensors[f"{convolution.input[1]}/whole"].astype(np.int64)
        rows = whole.transpose(0, 2, 3, 1).reshape(len(whole), -1).T
        for before, after in pairwise(rows):
            assert np.abs(before + after)[before * after > 0].max(initial=0) <= MOST_OF_TWO
        looked_at += 1
    assert looked_at > 30


def test_dividing_channels_by_factors_changes_no_answer(graph: onnx.ModelProto, tmp_path: Path) -> None:
    how = of(catalogue()["centerface"].version)
    assert how is not None
    other = onnx.ModelProto()
    other.CopyFrom(graph)
    del other.graph.initializer[:]
    other.graph.initializer.extend(
        onnx.numpy_helper.from_array(value, name) for name, value in equalised(graph, how.factors).items()
    )
    for name, model in (("was.onnx", graph), ("is.onnx", other)):
        onnx.save(model, str(tmp_path / name))
    picture = np.random.default_rng(0).integers(0, 256, (1, 3, 64, 64)).astype(np.float32)
    before, after = (OnnxSession(tmp_path / name, free_sides=True).run(picture) for name in ("was.onnx", "is.onnx"))
    for ours, theirs in zip(after, before, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_the_detector_in_bytes_finds_the_same_face(models: Path) -> None:
    card = catalogue()["centerface"]
    floats = OnnxSession(card.files_in(models), free_sides=True)
    whole = OnnxSession(card.files_in(models), free_sides=True, quantisation=of(card.version))
    (known,) = FaceDetector(floats, card.family, card.input, card.confidence).detect([astronaut()])
    (found,) = FaceDetector(floats, card.family, card.input, card.confidence, first=whole).detect([astronaut()])
    assert len(found) == len(known) == 1
    np.testing.assert_allclose(found.boxes, known.boxes, atol=0.003)
    np.testing.assert_allclose(found.landmarks5, known.landmarks5, atol=0.003)
    assert not np.array_equal(found.landmarks5, known.landmarks5)


def test_a_model_that_was_not_measured_has_no_quantisation() -> None:
    assert of("fr-feature-87aacdfe") is None
