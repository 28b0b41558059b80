"""TensorFlow's operations in terms of ONNX's: one function each, and the table of them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from regard.vision.conversion.model_files import NotConvertible
from regard.vision.conversion.onnx_graph import OnnxGraph, padding

Array = NDArray[Any]
_TYPES = {"DT_FLOAT": "float32", "DT_INT32": "int32"}
#: Where a slice is open to the end.
_OPEN_END = 2**31 - 1


class _Dimension(BaseModel, frozen=True):
    size: int = -1


class _Shape(BaseModel, frozen=True):
    dim: tuple[_Dimension, ...] = ()


class _List(BaseModel, frozen=True):
    i: tuple[int, ...] = ()
    s: tuple[str, ...] = ()


class _Attribute(BaseModel, frozen=True):
    """One value of the kinds that the operations here have; TensorFlow writes numbers as text, and text in base64."""

    i: int = 0
    b: bool = False
    s: str = ""
    type: str | int = ""
    shape: _Shape = _Shape()
    list: _List = _List()


class Node(BaseModel, frozen=True):
    """One operation of a TensorFlow graph."""

    name: str
    op: str
    input: tuple[str, ...] = ()
    attr: dict[str, _Attribute] = Field(default_factory=dict)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The nodes whose first output it takes, without those that it must only wait for."""
        taken = [name.removesuffix(":0") for name in self.input if not name.startswith("^")]
        if several := next((name for name in taken if ":" in name), None):
            raise NotConvertible(f"takes {several}, a node's further output, which is not converted")
        return tuple(taken)

    def attribute(self, key: str) -> _Attribute:
        return self.attr.get(key, _Attribute())

    def text(self, key: str) -> str:
        return base64.b64decode(self.attribute(key).s).decode()

    @property
    def fused(self) -> list[str]:
        """What follows in the same node, such as BiasAdd and Relu."""
        return [base64.b64decode(text).decode() for text in self.attribute("fused_ops").list.s]

    def sides(self, key: str) -> list[int]:
        """Height and width of an attribute that has a number for each axis of N×H×W×C."""
        _, height, width, _ = self.attribute(key).list.i or (1, 1, 1, 1)
        return [height, width]


@dataclass(frozen=True, slots=True)
class Scope:
    """The graph in the making, the weights, and those nodes that turned out to be one of them."""

    graph: OnnxGraph
    weights: Mapping[str, Array]
    known: dict[str, Array] = field(default_factory=dict)

    def constant(self, name: str) -> Array:
        """A value that must be known, as shapes and axes must."""
        if name not in self.known:
            raise NotConvertible(f"computes {name}, which must be constant to be converted")
        return self.known[name]

    def integers(self, name: str) -> list[int]:
        return [int(value) for value in np.ravel(self.constant(name))]


def _constant(scope: Scope, node: Node) -> None:
    if node.name not in scope.weights:
        raise NotConvertible(f"has no weights for {node.name}")
    scope.known[node.name] = scope.weights[node.name]
    scope.graph.constant(scope.weights[node.name], name=node.name)


def _placeholder(scope: Scope, node: Node) -> None:
    if node.attribute("dtype").type not in ("DT_FLOAT", 1):
        raise NotConvertible("takes an input that is not float32, which is not converted")
    picture = scope.graph.picture(f"{node.name}/picture", [each.size for each in node.attribute("shape").shape.dim])
    scope.graph.channels_last(picture, node.name)


def _same(operation: str, scope: Scope, node: Node) -> None:
    """An operation that is ONNX's under another name, or under its own."""
    scope.graph.add(operation, node.inputs, node.name)


def _convolution(scope: Scope, node: Node, *, depthwise: bool) -> None:
    _refuse_channels_first(node)
    picture, weights, *_ = node.inputs
    kernel = scope.constant(weights)
    height, width, channels, each = kernel.shape
    if depthwise:
        kernel = kernel.transpose(2, 3, 0, 1).reshape(channels * each, 1, height, width)
    else:
        kernel = kernel.transpose(3, 2, 0, 1)
    convolved = scope.graph.add(
        "Conv",
        [scope.graph.channels_first(picture), scope.graph.constant(kernel)],
        kernel_shape=[height, width],
        strides=node.sides("strides"),
        dilations=node.sides("dilations"),
        group=channels if depthwise else 1,
        auto_pad=padding(node.text("padding")),
    )
    _with_fused(scope, node, scope.graph.channels_last(convolved))


def _max_pool(scope: Scope, node: Node) -> None:
    _refuse_channels_first(node)
    pooled = scope.graph.add(
        "MaxPool",
        [scope.graph.channels_first(node.inputs[0])],
        kernel_shape=node.sides("ksize"),
        strides=node.sides("strides"),
        auto_pad=padding(node.text("padding")),
    )
    scope.graph.channels_last(pooled, node.name)


def _refuse_channels_first(node: Node) -> None:
    if node.text("data_format") not in ("", "NHWC"):
        raise NotConvertible(f"has the channels of {node.name} first, which is not converted")


def _fused_matmul(scope: Scope, node: Node) -> None:
    if node.attribute("transpose_a").b or node.attribute("transpose_b").b:
        raise NotConvertible(f"transposes what {node.name} multiplies, which is not converted")
    left, right, *_ = node.inputs
    _with_fused(scope, node, scope.graph.add("MatMul", [left, right]))


def _with_fused(scope: Scope, node: Node, value: str) -> None:
    """What follows within the same node: nothing, or a bias, its third input, and perhaps Relu."""
    if node.fused not in ([], ["BiasAdd"], ["BiasAdd", "Relu"]):
        raise NotConvertible(f"has {node.fused} within {node.name}, which is not converted")
    if len(node.inputs) != (3 if node.fused else 2):
        raise NotConvertible(f"gives {node.name} {len(node.inputs)} inputs, which is not converted")
    if node.fused:
        value = scope.graph.add("Add", [value, node.inputs[2]])
    scope.graph.add("Relu" if "Relu" in node.fused else "Identity", [value], node.name)


def _batch_matmul(scope: Scope, node: Node) -> None:
    # An Einsum swaps the last two axes however many there are.
    left, right = (
        scope.graph.add("Einsum", [value], equation="...ij->...ji") if node.attribute(swapped).b else value
        for value, swapped in zip(node.inputs, ("adj_x", "adj_y"), strict=True)
    )
    scope.graph.add("MatMul", [left, right], node.name)


def _reduced(operation: str, scope: Scope, node: Node) -> None:
    values, axes = node.inputs
    kept = int(node.attribute("keep_dims").b)
    scope.graph.add(operation, [values, scope.graph.constant(scope.integers(axes), np.int64)], node.name, keepdims=kept)


def _reshape(scope: Scope, node: Node) -> None:
    values, shape = node.inputs
    scope.graph.add("Reshape", [values, scope.graph.constant(scope.integers(shape), np.int64)], node.name)


def _transpose(scope: Scope, node: Node) -> None:
    values, order = node.inputs
    scope.graph.add("Transpose", [values], node.name, perm=scope.integers(order))


def _concatenated(scope: Scope, node: Node) -> None:
    *values, axis = node.inputs
    scope.graph.add("Concat", values, node.name, axis=scope.integers(axis)[0])


def _padded(scope: Scope, node: Node) -> None:
    values, widths = node.inputs
    before, after = scope.constant(widths).reshape(-1, 2).T
    pads = scope.graph.constant(np.concatenate([before, after]), np.int64)
    scope.graph.add("Pad", [values, pads], node.name)


def _strided_slice(scope: Scope, node: Node) -> None:
    for mask in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask"):
        if node.attribute(mask).i:
            raise NotConvertible(f"slices with an {mask} (at {node.name}), which is not converted")
    values, *bounds = node.inputs
    begins, ends, steps = (scope.integers(bound) for bound in bounds)
    if not len(begins) == len(ends) == len(steps) or any(step < 1 for step in steps):
        raise NotConvertible(f"slices backwards, or by bounds that disagree (at {node.name})")
    for axis in range(len(begins)):
        if node.attribute("begin_mask").i >> axis & 1:
            begins[axis] = 0
        if node.attribute("end_mask").i >> axis & 1:
            ends[axis] = _OPEN_END
    sliced = (begins, ends, range(len(begins)), steps)
    scope.graph.add("Slice", [values, *(scope.graph.constant(list(part), np.int64) for part in sliced)], node.name)


def _gathered(scope: Scope, node: Node) -> None:
    values, indices, axis = node.inputs
    if node.attribute("batch_dims").i:
        raise NotConvertible(f"gathers by batch (at {node.name}), which is not converted")
    scope.graph.add("Gather", [values, indices], node.name, axis=scope.integers(axis)[0])


def _gathered_by_place(scope: Scope, node: Node) -> None:
    values, places = node.inputs
    scope.graph.add("GatherND", [values, scope.graph.cast(places, "int64")], node.name)


def _cast(scope: Scope, node: Node) -> None:
    scope.graph.cast(node.inputs[0], _TYPES[str(node.attribute("DstT").type)], node.name)


def _square(scope: Scope, node: Node) -> None:
    scope.graph.add("Mul", [*node.inputs, *node.inputs], node.name)


def _inverse_root(scope: Scope, node: Node) -> None:
    scope.graph.add("Reciprocal", [scope.graph.add("Sqrt", node.inputs)], node.name)


OPERATIONS: Mapping[str, Callable[[Scope, Node], None]] = {
    "Add": partial(_same, "Add"),
    "AddN": partial(_same, "Sum"),
    "AddV2": partial(_same, "Add"),
    "BatchMatMulV2": _batch_matmul,
    "Cast": _cast,
    "ConcatV2": _concatenated,
    "Const": _constant,
    "Conv2D": partial(_convolution, depthwise=False),
    "DepthwiseConv2dNative": partial(_convolution, depthwise=True),
    "Floor": partial(_same, "Floor"),
    "GatherNd": _gathered_by_place,
    "GatherV2": _gathered,
    "Identity": partial(_same, "Identity"),
    "Max": partial(_reduced, "ReduceMax"),
    "MaxPool": _max_pool,
    "Maximum": partial(_same, "Max"),
    "Mean": partial(_reduced, "ReduceMean"),
    "Min": partial(_reduced, "ReduceMin"),
    "Minimum": partial(_same, "Min"),
    "Mul": partial(_same, "Mul"),
    "Pad": _padded,
    "Placeholder": _placeholder,
    "Prelu": partial(_same, "PRelu"),
    "Prod": partial(_reduced, "ReduceProd"),
    "Relu": partial(_same, "Relu"),
    "Reshape": _reshape,
    "Rsqrt": _inverse_root,
    "Sigmoid": partial(_same, "Sigmoid"),
    "Softmax": partial(_same, "Softmax"),
    "Square": _square,
    "StridedSlice": _strided_slice,
    "Sub": partial(_same, "Sub"),
    "Sum": partial(_reduced, "ReduceSum"),
    "Transpose": _transpose,
    "_FusedConv2D": partial(_convolution, depthwise=False),
    "_FusedMatMul": _fused_matmul,
}
