"""Each operation, beside numpy; the whole models are in tests/golden/test_conversions.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_tensorflow import flag, graph_model, node, numbers, placeholder, text

from regard.errors import ModelUnavailable
from regard.vision.conversion.tensorflow_operations import OPERATIONS
from regard.vision.session import OnnxSession

#: A picture of 4×5 pixels, N×H×W×C as TensorFlow has it.
X = np.random.default_rng(3).normal(0, 2, (1, 4, 5, 3)).astype(np.float32)
ROWS = X.reshape(1, 20, 3)


def answer(folder: Path, nodes: list[dict[str, Any]], weights: dict[str, Any], *, batch: int = -1) -> np.ndarray:
    """What the converted graph gives for X."""
    files = graph_model(folder, [placeholder(batch, 4, 5, 3), *nodes], weights)
    (result,) = OnnxSession(files).run(np.ascontiguousarray(X.transpose(0, 3, 1, 2)))
    return result


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("Floor", np.floor),
        ("Relu", lambda x: np.maximum(x, 0)),
        ("Sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("Softmax", lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ("Square", np.square),
    ],
)
def test_an_operation_of_one_value(
    tmp_path: Path, operation: str, expected: Callable[[np.ndarray], np.ndarray]
) -> None:
    result = answer(tmp_path, [node("answer", operation, "picture")], {})
    np.testing.assert_allclose(result, expected(X), rtol=1e-5, atol=1e-6)


def test_an_inverse_root(tmp_path: Path) -> None:
    result = answer(tmp_path, [node("square", "Square", "picture"), node("answer", "Rsqrt", "square")], {})
    np.testing.assert_allclose(result, 1 / np.abs(X), rtol=1e-5)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("Add", np.add),
        ("AddN", np.add),
        ("AddV2", np.add),
        ("Maximum", np.maximum),
        ("Minimum", np.minimum),
        ("Mul", np.multiply),
        ("Prelu", lambda x, slopes: np.where(x < 0, slopes * x, x)),
        ("Sub", np.subtract),
    ],
)
def test_an_operation_of_two_values(tmp_path: Path, operation: str, expected: Callable[..., np.ndarray]) -> None:
    other = np.array([0.25, -1, 3], np.float32)
    result = answer(tmp_path, [node("answer", operation, "picture", "other")], {"other": other})
    np.testing.assert_allclose(result, expected(X, other), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(
    ("operation", "expected"),
    [("Max", np.max), ("Mean", np.mean), ("Min", np.min), ("Prod", np.prod), ("Sum", np.sum)],
)
def test_an_operation_over_axes(
    tmp_path: Path, operation: str, expected: Callable[..., np.ndarray], kept: bool
) -> None:
    reduced = node("answer", operation, "picture", "axes", keep_dims=flag(kept))
    result = answer(tmp_path, [reduced], {"axes": np.array([1, 2])})
    np.testing.assert_allclose(result, expected(X, axis=(1, 2), keepdims=kept), rtol=1e-4)


def test_a_convolution_may_have_its_bias_and_a_bend_within(tmp_path: Path) -> None:
    weights = {"kernel": np.eye(3, dtype=np.float32)[None, None], "bias": np.array([0.5, -0.5, 0], np.float32)}
    fused = {"list": {"s": [text("BiasAdd")["s"], text("Relu")["s"]]}}
    made = node("convolved", "_FusedConv2D", "picture", "kernel", "bias", padding=text("SAME"), fused_ops=fused)
    result = answer(tmp_path, [made, node("answer", "Identity", "convolved")], weights)
    np.testing.assert_allclose(result, np.maximum(X + weights["bias"], 0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("depthwise", [False, True])
def test_a_convolution_pads_as_tensorflow_does(tmp_path: Path, depthwise: bool) -> None:
    """With a stride of 2 over four rows, SAME pads below and not above."""
    kernel = np.random.default_rng(4).normal(size=(3, 3, 3, 2)).astype(np.float32)
    operation = "DepthwiseConv2dNative" if depthwise else "Conv2D"
    attributes = {"strides": numbers(1, 2, 2, 1), "padding": text("SAME"), "data_format": text("NHWC")}
    result = answer(tmp_path, [node("answer", operation, "picture", "kernel", **attributes)], {"kernel": kernel})
    padded = np.pad(X[0], ((0, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))[::2, ::2]  # rows, columns, C, 3, 3
    spelled = "yxcij,ijcm->yxcm" if depthwise else "yxcij,ijcm->yxm"
    expected = np.einsum(spelled, windows, kernel).reshape(1, 2, 3, -1)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_a_largest_of_each_window(tmp_path: Path) -> None:
    pool = node(
        "answer", "MaxPool", "picture", ksize=numbers(1, 2, 2, 1), strides=numbers(1, 2, 2, 1), padding=text("VALID")
    )
    np.testing.assert_array_equal(answer(tmp_path, [pool], {}), X[:, :, :4].reshape(1, 2, 2, 2, 2, 3).max((2, 4)))


def test_values_are_padded_sliced_and_put_together(tmp_path: Path) -> None:
    weights = {
        "widths": np.array([[0, 0], [1, 0], [0, 2], [0, 0]]),
        "begin": np.array([7, 1, 0, 0]),
        "end": np.array([0, 4, 9, 2]),
        "step": np.array([1, 2, 1, 1]),
        "axis": np.array(-1),
    }
    masks = {"begin_mask": {"i": "1"}, "end_mask": {"i": "5"}}
    nodes = [
        node("padded", "Pad", "picture", "widths"),
        node("sliced", "StridedSlice", "padded", "begin", "end", "step", **masks),
        node("answer", "ConcatV2", "sliced", "sliced", "axis"),
    ]
    sliced = np.pad(X, weights["widths"])[:, 1:4:2, :, 0:2]
    np.testing.assert_array_equal(answer(tmp_path, nodes, weights), np.concatenate([sliced, sliced], axis=-1))


def test_values_are_picked_by_number_and_by_place(tmp_path: Path) -> None:
    weights = {"shape": np.array([1, 20, 3]), "rows": np.array([4, 4, 0]), "one": np.array(1)}
    rows = node("rows of X", "Reshape", "picture", "shape")
    picked = [rows, node("answer", "GatherV2", "rows of X", "rows", "one")]
    np.testing.assert_array_equal(answer(tmp_path, picked, weights), ROWS[:, [4, 4, 0]])
    places = {"shape": np.array([1, 20, 3]), "places": np.array([[[0, 4], [0, 19]]])}
    placed = [rows, node("answer", "GatherNd", "rows of X", "places")]
    np.testing.assert_array_equal(answer(tmp_path, placed, places), ROWS[:, [4, 19]])


def test_a_place_may_be_computed_and_cast(tmp_path: Path) -> None:
    weights = {"shape": np.array([1, 20, 3]), "half": np.array([[0.5, 7.9]], np.float32)}
    nodes = [
        node("rows of X", "Reshape", "picture", "shape"),
        node("place", "Cast", "half", DstT={"type": "DT_INT32"}),
        node("answer", "GatherNd", "rows of X", "place"),
    ]
    np.testing.assert_array_equal(answer(tmp_path, nodes, weights), ROWS[:, 7])


@pytest.mark.parametrize("swapped", [True, False])
def test_matrices_are_multiplied_each_swapped_or_not(tmp_path: Path, swapped: bool) -> None:
    weights = {
        "shape": np.array([1, 20, 3]),
        "order": np.array([0, 2, 1]),
        "matrix": np.eye(3, dtype=np.float32) * [1, 2, 3],
    }
    weights["matrix"][0, 2] = 5
    nodes = [
        node("rows of X", "Reshape", "picture", "shape"),
        node("columns of X", "Transpose", "rows of X", "order"),
        node("product", "BatchMatMulV2", "columns of X", "matrix", adj_x=flag(True), adj_y=flag(swapped)),
        node("answer", "BatchMatMulV2", "product", "rows of X", adj_x=flag(True), adj_y=flag(False)),
    ]
    product = ROWS @ (weights["matrix"].T if swapped else weights["matrix"])
    np.testing.assert_allclose(answer(tmp_path, nodes, weights), product.transpose(0, 2, 1) @ ROWS, rtol=1e-4)


@pytest.mark.parametrize("fused", [["BiasAdd"], ["BiasAdd", "Relu"]])
def test_a_layer_adds_its_bias_and_may_bend(tmp_path: Path, fused: list[str]) -> None:
    weights = {
        "axes": np.array([1, 2]),
        "matrix": np.array([[1, -1], [2, -2], [3, -3.0]]),
        "bias": np.array([0.5, 0.25]),
    }
    layer = node(
        "answer", "_FusedMatMul", "mean", "matrix", "bias", fused_ops={"list": {"s": [text(f)["s"] for f in fused]}}
    )
    result = answer(tmp_path, [node("mean", "Mean", "picture", "axes"), layer], weights)
    expected = X.mean((1, 2)) @ weights["matrix"] + weights["bias"]
    np.testing.assert_allclose(result, np.maximum(expected, 0) if "Relu" in fused else expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (node("answer", "Conv2D", "picture", "kernel", padding=text("EXPLICIT")), "pads by 'EXPLICIT'"),
        (node("answer", "Conv2D", "picture", "kernel", data_format=text("NCHW")), "has the channels of answer first"),
        (node("answer", "Conv2D", "picture", "picture", padding=text("SAME")), "picture, which must be constant"),
        (node("answer", "Conv2D", "picture", "flat", padding=text("SAME")), r"Conv2D \(at answer\) that is not well"),
        (node("answer", "Conv2D", "picture", padding=text("SAME")), r"Conv2D \(at answer\) that is not well formed"),
        (node("answer", "Cast", "picture", DstT={"type": "DT_STRING"}), r"Cast \(at answer\) that is not well formed"),
        (node("answer", "Add", "picture", "kernel:1"), "names kernel:1, which is not in its graph"),
        (node("answer", "FloorDiv", "picture", "flat"), "divides numbers that are not int32"),
        (node("answer", "ResizeBilinear", "picture", "flat", align_corners=flag(True)), "resizes corner to corner"),
        (node("answer", "SparseToDense", "flat", "flat", "flat", "zeros"), "keeps answer as a sparse array"),
        (node("answer", "StridedSlice", "picture", "flat", "flat", "flat", shrink_axis_mask={"i": "1"}), "shrink_axis"),
        (node("answer", "StridedSlice", "picture", "flat", "flat", "zeros"), "slices backwards"),
        (node("answer", "GatherV2", "picture", "flat", "flat", batch_dims={"i": "1"}), "gathers by batch"),
        (node("answer", "_FusedMatMul", "picture", "kernel", "flat", transpose_b=flag(True)), "transposes what answer"),
        (node("answer", "_FusedMatMul", "picture", "kernel", "flat"), "gives answer 3 inputs"),
        (node("answer", "Add", "more", "picture"), "has no weights for more"),
        (node("answer", "Where", "picture"), r"has an operation Where \(at answer\), which is not converted"),
    ],
)
def test_what_is_not_converted_is_said_in_words(tmp_path: Path, operation: dict[str, Any], said: str) -> None:
    weights = {"kernel": np.ones((1, 1, 3, 3), np.float32), "flat": np.array([1, 2]), "zeros": np.array([0, 0])}
    nodes = [operation, node("more", "Const", dtype={"type": "DT_FLOAT"})]
    with pytest.raises(ModelUnavailable, match=said) as raised:
        answer(tmp_path, nodes, weights)
    assert "model.json" in raised.value.message


@pytest.mark.parametrize("operation", ["Relu6", "LeakyRelu"])
def test_a_bend_may_be_bounded_or_leak(tmp_path: Path, operation: str) -> None:
    made = node("answer", operation, "wide", alpha={"f": 0.1})
    result = answer(tmp_path, [node("wide", "Mul", "picture", "four"), made], {"four": np.array(4, np.float32)})
    wide = X * 4
    expected = np.clip(wide, 0, 6) if operation == "Relu6" else np.where(wide < 0, wide * np.float32(0.1), wide)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_a_fused_convolution_by_channel_has_its_bias_within(tmp_path: Path) -> None:
    weights = {"kernel": np.full((1, 1, 3, 1), 2, np.float32), "bias": np.array([0.5, -0.5, 0], np.float32)}
    fused = {"list": {"s": [text("BiasAdd")["s"]]}}
    made = node(
        "answer", "FusedDepthwiseConv2dNative", "picture", "kernel", "bias", padding=text("SAME"), fused_ops=fused
    )
    np.testing.assert_allclose(answer(tmp_path, [made], weights), 2 * X + weights["bias"], rtol=1e-5, atol=1e-6)


def test_the_largest_are_found_with_their_places_which_are_taken_apart(tmp_path: Path) -> None:
    """As a detector does it: which row and column and channel each of the best scores was in."""
    weights = {
        "flat": np.array([1, 60]),
        "count": np.array(4),
        "channels": np.array(3),
        "columns": np.array(5),
        "last": np.array(-1),
    }
    whole, cast = {"type": "DT_INT32"}, {"type": "DT_FLOAT"}
    nodes = [
        node("row of X", "Reshape", "picture", "flat"),
        node("best", "TopKV2", "row of X", "count"),
        node("channel", "FloorMod", "best:1", "channels", T=whole),
        node("cell", "FloorDiv", "best:1", "channels", T=whole),
        node("column", "FloorMod", "cell", "columns", T=whole),
        *(node(f"{each} as float", "Cast", each, DstT=cast) for each in ("channel", "column")),
        node("answer", "ConcatV2", "best", "channel as float", "column as float", "last"),
    ]
    order = np.argsort(-X.ravel())[:4]
    expected = np.concatenate([X.ravel()[order], order % 3, order // 3 % 5])
    np.testing.assert_allclose(answer(tmp_path, nodes, weights, batch=1)[0], expected, rtol=1e-6)


def test_whole_numbers_below_zero_are_divided_as_tensorflow_does(tmp_path: Path) -> None:
    weights = {"left": np.array([-7, 7, -6]), "three": np.array(3), "zero": np.array(0, np.float32)}
    whole = {"type": "DT_INT32"}
    nodes = [
        node("parts", "FloorDiv", "left", "three", T=whole),
        node("rest", "FloorMod", "left", "three", T=whole),
        node("both", "AddV2", "parts", "rest"),
        node("as float", "Cast", "both", DstT={"type": "DT_FLOAT"}),
        node("nothing", "Mul", "picture", "zero"),
        node("answer", "AddV2", "nothing", "as float"),
    ]
    np.testing.assert_array_equal(answer(tmp_path, nodes, weights)[0, 0, 0], [-3 + 2, 2 + 1, -2 + 0])


def test_values_are_split_compared_and_given_an_axis(tmp_path: Path) -> None:
    weights = {"sizes": np.array([1, 2]), "last": np.array(-1), "zero": np.array(0)}
    nodes = [
        node("parts", "SplitV", "picture", "sizes", "last"),
        node("same", "Equal", "parts:1", "parts:1"),
        node("ones", "Cast", "same", DstT={"type": "DT_FLOAT"}),
        node("sum", "AddV2", "parts:1", "ones"),
        node("answer", "ExpandDims", "sum", "zero"),
    ]
    np.testing.assert_allclose(answer(tmp_path, nodes, weights), X[None, ..., 1:] + 1, rtol=1e-6)


def test_padding_may_be_of_any_value(tmp_path: Path) -> None:
    weights = {"widths": np.array([[0, 0], [1, 0], [0, 2], [0, 0]]), "value": np.array(-7, np.float32)}
    result = answer(tmp_path, [node("answer", "PadV2", "picture", "widths", "value")], weights)
    np.testing.assert_array_equal(result, np.pad(X, weights["widths"], constant_values=-7))


@pytest.mark.parametrize("half", [True, False])
def test_a_picture_is_enlarged_from_the_middles_or_the_corners_of_pixels(tmp_path: Path, half: bool) -> None:
    made = node(
        "answer", "ResizeBilinear", "picture", "sides", half_pixel_centers=flag(half), align_corners=flag(False)
    )
    result = answer(tmp_path, [made], {"sides": np.array([8, 5])})
    places = np.clip((np.arange(8) + 0.5) / 2 - 0.5, 0, 3) if half else np.clip(np.arange(8) / 2, 0, 3)
    above = np.minimum(np.floor(places).astype(int), 3)
    below, part = np.minimum(above + 1, 3), (places - above)[None, :, None, None]
    np.testing.assert_allclose(result, X[:, above] * (1 - part) + X[:, below] * part, rtol=1e-4, atol=1e-5)


def test_a_sparse_array_without_places_is_its_rest(tmp_path: Path) -> None:
    weights = {
        "places": np.empty((0, 1), np.int32),
        "length": np.array([3]),
        "values": np.empty(0, np.int32),
        "rest": np.array(0),
        "shape": np.array([1, 20, 3]),
    }
    nodes = [
        node("nothing", "SparseToDense", "places", "length", "values", "rest"),
        node("shape of rows", "AddV2", "shape", "nothing"),
        node("answer", "Reshape", "picture", "shape of rows"),
    ]
    np.testing.assert_array_equal(answer(tmp_path, nodes, weights), ROWS)


def test_a_picture_may_have_its_channels_first(tmp_path: Path) -> None:
    files = graph_model(tmp_path, [placeholder(1, 3, 4, 5), node("answer", "Relu", "picture")], {})
    picture = np.ascontiguousarray(X.transpose(0, 3, 1, 2))
    (result,) = OnnxSession(files).run(picture)
    np.testing.assert_array_equal(result, np.maximum(picture, 0))


def test_every_operation_is_tried_here() -> None:
    written = Path(__file__).read_text()
    made_by_the_toy = {"Const", "Placeholder"}
    assert [name for name in OPERATIONS if f'"{name}"' not in written and name not in made_by_the_toy] == []
