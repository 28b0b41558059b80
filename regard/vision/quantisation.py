"""A convolutional graph that computes in bytes: half the time of float32, and nearly the same answers.

How it is done was measured by `benchmarks.quantise` for one file, and is kept as data beside this module, by the card's
version: numbers that say how to round its weights and activations. The weights stay in the file that they came in.

The answers are those of every processor. Sums are of whole numbers, and exact, except that older x86 processors add two
neighbouring products in 16 bits; so the scales are such that no two neighbouring weights of one sign are beyond
MOST_OF_TWO together, which is what 16 bits hold times a byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from regard.domain.arrays import FloatArray

#: 128 × 255 < 2^15.
MOST_OF_TWO = 128
MOST = 127
_FOLDER = Path(__file__).with_name("quantisations")
#: The version of ONNX's operations from which on a scale may be one for each row.
_OPERATIONS = 13
#: The graph's input: N×H×W×4 bytes, the fourth channel ignored. Four bytes a pixel are read twice as fast as three.
_PIXELS = "pixels"


@dataclass(frozen=True, eq=False)
class Quantisation:
    """By name of a tensor.

    `factors` divide the channels of a convolution's output, so that all its channels use all of a byte; those who read
    it multiply by them. `activations` are (scale, zero point) of tensors kept as bytes. `weights` are the scales of
    each output channel of the convolution that makes the tensor; one without stays in float. `offsets` are added to a
    convolution's output, against what rounding takes off.
    """

    factors: Mapping[str, FloatArray]
    activations: Mapping[str, FloatArray]
    weights: Mapping[str, FloatArray]
    offsets: Mapping[str, FloatArray] = field(default_factory=dict)

    def save(self, file: Path) -> None:
        kinds = [(each.name, getattr(self, each.name)) for each in fields(self)]
        named = {f"{kind}/{name}": array for kind, arrays in kinds for name, array in arrays.items()}
        np.savez_compressed(file, **named)


@cache
def of(version: str) -> Quantisation | None:
    """What was measured for the model of this version, if anything."""
    file = _FOLDER / f"{version}.npz"
    if not file.is_file():
        return None
    kinds: dict[str, dict[str, FloatArray]] = {each.name: {} for each in fields(Quantisation)}
    with np.load(file) as stored:
        for key in stored.files:
            kind, name = key.split("/", 1)
            kinds[kind][name] = np.asarray(stored[key], np.float32)
    return Quantisation(**kinds)


def quantised(model: onnx.ModelProto, how: Quantisation) -> onnx.ModelProto:
    """The graph in bytes; it takes N×H×W×4 of them instead of N×3×H×W floats, and gives what it gave."""
    return _Quantiser(model, how).model()


def equalised(model: onnx.ModelProto, factors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """The weights and biases, by name, with the channels of each tensor divided by its factors."""
    weights = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in model.graph.initializer}
    before_relu = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Relu"}
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        weight, bias = (weights[name] for name in node.input[1:3])
        if (into := factors.get(before_relu.get(node.input[0], node.input[0]))) is not None:
            weight *= into[:, None, None, None] if is_depthwise(node) else into[None, :, None, None]
        if (out := factors.get(node.output[0])) is not None:
            weight /= out[:, None, None, None]
            bias /= out
    return weights


def is_depthwise(node: onnx.NodeProto) -> bool:
    return any(each.name == "group" and each.i > 1 for each in node.attribute)


def whole_weights(weight: FloatArray, scales: FloatArray) -> np.ndarray:
    """The int8 weights."""
    return np.asarray(np.clip(np.rint(weight / scales[:, None, None, None]), -MOST, MOST), np.int8)


class _Quantiser:
    def __init__(self, model: onnx.ModelProto, how: Quantisation) -> None:
        self._model = model
        self._how = how
        self._constants: dict[str, np.ndarray] = dict(equalised(model, how.factors))
        for node in model.graph.node:
            if node.output[0] in how.offsets:
                self._constants[node.input[2]] = self._constants[node.input[2]] + how.offsets[node.output[0]]
        self._nodes: list[onnx.NodeProto] = []
        self._restored: dict[str, str] = {}
        self._picture = model.graph.input[0].name

    def model(self) -> onnx.ModelProto:
        self._read_pixels()
        for node in self._model.graph.node:
            self._nodes.append(self._convolution(node) if self._is_whole(node) else self._other(node))
        self._join_heads()
        made = onnx.ModelProto()
        made.CopyFrom(self._model)
        for operations in made.opset_import:
            if not operations.domain:  # what a convolutional graph has is the same in both
                operations.version = max(operations.version, _OPERATIONS)
        graph = made.graph
        del graph.node[:], graph.initializer[:], graph.input[:], graph.value_info[:]
        graph.node.extend(self._nodes)
        used = {name for node in self._nodes for name in node.input}
        kept = ((name, value) for name, value in self._constants.items() if name in used)
        graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in kept)
        graph.input.append(helper.make_tensor_value_info(_PIXELS, TensorProto.UINT8, ["batch", "height", "width", 4]))
        return made

    def _read_pixels(self) -> None:
        """A picture's bytes are what they stand for: scale 1, zero 0."""
        planes = f"{_PIXELS}/planes"
        self._nodes.append(helper.make_node("Transpose", [_PIXELS], [planes], perm=[0, 3, 1, 2]))
        self._restored[self._picture] = self._dequantised(planes, np.array(1, np.float32), np.array(0, np.uint8))

    def _is_whole(self, node: onnx.NodeProto) -> bool:
        return node.op_type == "Conv" and node.output[0] in self._how.weights

    def _convolution(self, node: onnx.NodeProto) -> onnx.NodeProto:
        source, weight, bias = node.input
        scales = self._how.weights[node.output[0]]
        whole = whole_weights(self._constants[weight], scales)
        if source == self._picture:
            whole = np.concatenate([whole, np.zeros_like(whole[:, :1])], axis=1)
        of_sums = scales * (1 if source == self._picture else self._how.activations[source][0])
        restored = [
            self._restore(source),
            self._constant(weight, whole, scales),
            self._constant(bias, np.rint(self._constants[bias] / of_sums).astype(np.int32), of_sums),
        ]
        return _reading(node, restored)

    def _other(self, node: onnx.NodeProto) -> onnx.NodeProto:
        # The Relu of a convolution is part of it: its input stays as it is.
        if node.op_type == "Relu":
            return node
        return _reading(node, [self._restore(name) for name in node.input])

    def _join_heads(self) -> None:
        """The convolutions in float that read one tensor, as one: each alone would fill a sixteenth of a register."""
        heads = [node for node in self._nodes if self._is_head(node)]
        if len({node.input[0] for node in heads}) != 1:
            return
        for row, kind in ((1, "weights"), (2, "biases")):
            self._constants[f"heads/{kind}"] = np.concatenate([self._constants[node.input[row]] for node in heads])
        self._constants["heads/sizes"] = np.array([len(self._constants[node.input[2]]) for node in heads], np.int64)
        joined = helper.make_node("Conv", [heads[0].input[0], "heads/weights", "heads/biases"], ["heads"])
        parts = [node.output[0] for node in heads]
        first = self._nodes.index(heads[0])
        self._nodes = [node for node in self._nodes if node not in heads]
        self._nodes[first:first] = [joined, helper.make_node("Split", ["heads", "heads/sizes"], parts, axis=1)]

    def _is_head(self, node: onnx.NodeProto) -> bool:
        return (
            node.op_type == "Conv" and not self._is_whole(node) and self._constants[node.input[1]].shape[2:] == (1, 1)
        )

    def _restore(self, name: str) -> str:
        """The tensor as read from bytes, where it is kept as bytes."""
        if name in self._restored or name not in self._how.activations:
            return self._restored.get(name, name)
        scale, zero = self._how.activations[name]
        grid = self._grid(name, scale.astype(np.float32), zero.astype(np.uint8))
        self._nodes.append(helper.make_node("QuantizeLinear", [name, *grid], [f"{name}/bytes"]))
        self._nodes.append(helper.make_node("DequantizeLinear", [f"{name}/bytes", *grid], [f"{name}/restored"]))
        self._restored[name] = f"{name}/restored"
        return self._restored[name]

    def _constant(self, name: str, whole: np.ndarray, scales: FloatArray) -> str:
        self._constants[f"{name}/whole"] = whole
        return self._dequantised(f"{name}/whole", scales.astype(np.float32), np.zeros(len(scales), whole.dtype))

    def _dequantised(self, name: str, scale: np.ndarray, zero: np.ndarray) -> str:
        """As it was, from a scale and a zero point: one each, or one for each row."""
        grid = self._grid(name, scale, zero)
        self._nodes.append(helper.make_node("DequantizeLinear", [name, *grid], [f"{name}/restored"], axis=0))
        return f"{name}/restored"

    def _grid(self, name: str, scale: np.ndarray, zero: np.ndarray) -> tuple[str, str]:
        self._constants |= {f"{name}/scale": scale, f"{name}/zero": zero}
        return f"{name}/scale", f"{name}/zero"


def _reading(node: onnx.NodeProto, inputs: list[str]) -> onnx.NodeProto:
    other = onnx.NodeProto()
    other.CopyFrom(node)
    other.input[:] = inputs
    return other
