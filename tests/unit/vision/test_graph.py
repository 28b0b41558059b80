from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hostile_graphs import REFUSED, weights_elsewhere
from toy_graphs import embedder, node, save_graph, scrfd, yunet

from regard.domain.arrays import FloatArray
from regard.errors import ModelUnavailable
from regard.vision.conversion.model_files import ModelFiles
from regard.vision.graph import prepared
from regard.vision.session import OnnxSession


def random(*shape: int) -> FloatArray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def sides(value: onnx.ValueInfoProto) -> list[int | str]:
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]


def convolution(file: Path) -> Path:
    """Weights listed as inputs, batch and sides frozen, a note of an inner shape."""
    return save_graph(
        file,
        [node("Conv", "x w", "inner", pads=[1, 1, 1, 1]), node("Relu", "inner", "y")],
        inputs={"x": (10, 3, 32, 32)},
        outputs={"y": (10, 2, 32, 32)},
        weights={"w": random(2, 3, 3, 3)},
        weights_are_inputs=True,
    )


def test_weights_are_no_inputs_any_more(tmp_path: Path) -> None:
    file = convolution(tmp_path / "a.onnx")
    assert [value.name for value in onnx.load(str(file)).graph.input] == ["x", "w"]
    graph = onnx.load_from_string(prepared(ModelFiles(file))).graph
    assert [value.name for value in graph.input] == ["x"]
    assert [tensor.name for tensor in graph.initializer] == ["w"]


def test_the_batch_is_freed_and_the_sides_where_asked(tmp_path: Path) -> None:
    file = convolution(tmp_path / "a.onnx")
    graph = onnx.load_from_string(prepared(ModelFiles(file))).graph
    assert sides(graph.input[0]) == ["batch", 3, 32, 32]
    assert sides(graph.output[0])[1:] == [2, 32, 32]
    graph = onnx.load_from_string(prepared(ModelFiles(file), free_sides=True)).graph
    assert sides(graph.input[0]) == ["batch", 3, "height", "width"]
    assert all(isinstance(axis, str) for axis in sides(graph.output[0]))
    assert not graph.value_info


def test_a_frozen_convolution_runs_at_any_size_and_gives_what_it_gave(tmp_path: Path) -> None:
    file = convolution(tmp_path / "a.onnx")
    session = OnnxSession(file, free_sides=True)
    picture = random(1, 3, 64, 96)
    (whole,) = session.run(picture)
    assert whole.shape == (1, 2, 64, 96)
    (part,) = OnnxSession(file).run(picture[:, :, :32, :32])
    np.testing.assert_allclose(part[:, :, :31, :31], whole[:, :, :31, :31], atol=1e-5)


def test_a_reshape_to_one_row_keeps_every_row_of_a_batch(tmp_path: Path) -> None:
    session = OnnxSession(embedder(tmp_path / "e.onnx"))
    crops = random(5, 3, 112, 112)
    (together,) = session.run(crops)
    assert together.shape == (5, 4)
    alone = [session.run(crop[None])[0] for crop in crops]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)
    np.testing.assert_allclose(together[3], crops[3, 0].reshape(112, 4, 28).mean(axis=(0, 2)), atol=1e-5)


def test_a_reshape_whose_shape_is_a_constant_node_is_freed_too(tmp_path: Path) -> None:
    row = onnx.numpy_helper.from_array(np.array([1, 12], np.int64))
    nodes = [node("Constant", "", "row", value=row), node("Reshape", "x row", "y")]
    nodes[0].ClearField("input")
    file = save_graph(tmp_path / "c.onnx", nodes, inputs={"x": (1, 3, 4)}, outputs={"y": (1, 12)}, weights={})
    batch = random(7, 3, 4)
    np.testing.assert_array_equal(OnnxSession(file).run(batch)[0], batch.reshape(7, 12))


def test_a_reshaped_weight_is_left_as_it_is(tmp_path: Path) -> None:
    file = save_graph(
        tmp_path / "b.onnx",
        [
            node("Transpose", "bias", "turned"),
            node("Reshape", "turned shape", "spread"),
            node("Add", "x spread", "y"),
        ],
        inputs={"x": (1, 3, 2, 2)},
        outputs={"y": (1, 3, 2, 2)},
        weights={"bias": np.array([1, 2, 3], np.float32), "shape": np.array([1, 3, 1, 1], np.int64)},
    )
    (result,) = OnnxSession(file).run(np.zeros((2, 3, 2, 2), np.float32))
    np.testing.assert_array_equal(result[:, :, 0, 0], [[1, 2, 3], [1, 2, 3]])


@pytest.mark.parametrize("family", [scrfd, yunet])
def test_a_detector_frozen_to_a_square_runs_at_any_size(tmp_path: Path, family: object) -> None:
    session = OnnxSession(family(tmp_path / "d.onnx"), free_sides=True)  # type: ignore[operator]
    outputs = dict(zip(session.outputs, session.run(random(1, 3, 96, 160)), strict=True))
    cells = sorted(
        {array.reshape(-1, 1).shape[0] for name, array in outputs.items() if name.startswith(("heat", "cls"))}
    )
    anchors = 2 if family is scrfd else 1
    assert cells == [anchors * 3 * 5, anchors * 6 * 10, anchors * 12 * 20]


def test_prelu_is_made_of_quicker_operations_that_give_the_same(tmp_path: Path) -> None:
    slopes = np.array([-1.5, 0, 0.25, 1, 2.5], np.float32).reshape(5, 1, 1)
    file = save_graph(
        tmp_path / "p.onnx",
        [node("PRelu", "x slopes", "y")],
        inputs={"x": (1, 5, 8, 8)},
        outputs={"y": (1, 5, 8, 8)},
        weights={"slopes": slopes},
    )
    assert "PRelu" not in [each.op_type for each in onnx.load_from_string(prepared(ModelFiles(file))).graph.node]
    batch = random(3, 5, 8, 8)
    np.testing.assert_allclose(OnnxSession(file).run(batch)[0], np.where(batch < 0, slopes * batch, batch), atol=1e-6)


def test_weights_next_to_nothing_are_zero_and_no_others(tmp_path: Path) -> None:
    weights = np.array([1, 1e-14, -1e-14, 1e-16, -1e-16, 1e-40, 0, 3e30], np.float32)
    file = save_graph(
        tmp_path / "a.onnx",
        [node("Mul", "x w", "y")],
        inputs={"x": (1, 8)},
        outputs={"y": (1, 8)},
        weights={"w": weights},
    )
    (tensor,) = onnx.load_from_string(prepared(ModelFiles(file))).graph.initializer
    kept = np.array([1, 1e-14, -1e-14, 0, 0, 0, 0, 3e30], np.float32)
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(tensor), kept)


@pytest.mark.parametrize(("graph", "said"), REFUSED.items(), ids=lambda case: getattr(case, "__name__", ""))
def test_what_no_model_of_faces_needs_is_refused_before_it_is_loaded(
    tmp_path: Path, graph: Callable[[Path], Path], said: str
) -> None:
    (tmp_path / "models").mkdir()
    file = graph(tmp_path / "models" / "odd.onnx")
    with pytest.raises(ModelUnavailable, match=rf"odd\.onnx {said}"):
        OnnxSession(file)


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "/etc/hostname", "*/_ORT_MEM_ADDR_/*"])
def test_weights_in_another_file_are_refused_wherever_it_lies(tmp_path: Path, place: str) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "weights.bin").write_bytes(np.ones(112, np.float32).tobytes())
    with pytest.raises(ModelUnavailable, match="keeps w in another file"):
        prepared(ModelFiles(weights_elsewhere(tmp_path / "models" / "odd.onnx", place)))


def test_a_file_is_read_as_a_model_whatever_its_name_ends_in(tmp_path: Path) -> None:
    for name in ("a.json", "a.textproto", "a"):
        assert prepared(ModelFiles(convolution(tmp_path / "a.onnx").rename(tmp_path / name)))
