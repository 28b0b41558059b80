"""TensorFlow's operations in terms of ONNX's: one function each, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from regard.vision.conversion.model_files import NotConvertible
from regard.vision.conversion.onnx_graph import padding
from regard.vision.conversion.tensorflow_nodes import Node, Scope

_TYPES = {"DT_FLOAT": "float32", "DT_INT32": "int32"}
#: Where a slice is open to the end.
_OPEN_END = 2**31 - 1
#: Of a picture that is grey or in colours.
_CHANNELS = (1, 3)


def _constant(scope: Scope, node: Node) -> None:
    if node.name not in scope.weights:
        raise NotConvertible(f"has no weights for {node.name}")
    scope.known[node.name] = scope.weights[node.name]
    scope.graph.constant(scope.weights[node.name], name=node.name)


def _placeholder(scope: Scope, node: Node) -> None:
    if node.attribute("dtype").type not in ("DT_FLOAT", 1):
        raise NotConvertible("takes an input that is not float32, which is not converted")
    sides = [each.size for each in node.attribute("shape").shape.dim]
    if len(sides) == 4 and sides[1] in _CHANNELS and sides[3] not in _CHANNELS:  # it has them first, as models here do
        scope.graph.picture(node.name, [sides[0], sides[2], sides[3], sides[1]])
    else:
        scope.graph.channels_last(scope.graph.picture(f"{node.name}/picture", sides), node.name)


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
    known = shape in scope.known
    sides = scope.graph.constant(scope.integers(shape), np.int64) if known else scope.graph.cast(shape, "int64")
    scope.graph.add("Reshape", [values, sides], node.name)


def _transpose(scope: Scope, node: Node) -> None:
    values, order = node.inputs
    scope.graph.add("Transpose", [values], node.name, perm=scope.integers(order))


def _concatenated(scope: Scope, node: Node) -> None:
    *values, axis = node.inputs
    scope.graph.add("Concat", values, node.name, axis=scope.integers(axis)[0])


def _padded(scope: Scope, node: Node) -> None:
    values, widths, *value = node.inputs
    before, after = scope.constant(widths).reshape(-1, 2).T
    pads = scope.graph.constant(np.concatenate([before, after]), np.int64)
    scope.graph.add("Pad", [values, pads, *value], node.name)


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


def _relu6(scope: Scope, node: Node) -> None:
    bounds = [scope.graph.constant(bound, np.float32) for bound in (0, 6)]
    scope.graph.add("Clip", [*node.inputs, *bounds], node.name)


def _leaky_relu(scope: Scope, node: Node) -> None:
    scope.graph.add("LeakyRelu", node.inputs, node.name, alpha=node.attribute("alpha").f)


def _expanded(scope: Scope, node: Node) -> None:
    values, axis = node.inputs
    scope.graph.add("Unsqueeze", [values, scope.graph.constant(scope.integers(axis), np.int64)], node.name)


def _floor_division(scope: Scope, node: Node) -> None:
    """As ONNX's Mod has the sign of the divisor, what is left divides without a rest."""
    _refuse_fractions(node)
    left, right = node.inputs
    whole = scope.graph.add("Sub", [left, scope.graph.add("Mod", [left, right])])
    scope.graph.add("Div", [whole, right], node.name)


def _floor_rest(scope: Scope, node: Node) -> None:
    _refuse_fractions(node)
    scope.graph.add("Mod", node.inputs, node.name)


def _refuse_fractions(node: Node) -> None:
    if node.attribute("T").type not in ("DT_INT32", 3):
        raise NotConvertible(f"divides numbers that are not int32 (at {node.name}), which is not converted")


def _largest(scope: Scope, node: Node) -> None:
    values, count = node.inputs
    places = f"{node.name}/places"
    wanted = scope.graph.constant(scope.integers(count), np.int64)
    scope.graph.add_several("TopK", [values, wanted], [node.name, places], axis=-1)
    scope.graph.cast(places, "int32", f"{node.name}:1")


def _split(scope: Scope, node: Node) -> None:
    values, sizes, axis = node.inputs
    parts = scope.integers(sizes)
    names = [node.name, *(f"{node.name}:{number}" for number in range(1, len(parts)))]
    lengths = scope.graph.constant(parts, np.int64)
    scope.graph.add_several("Split", [values, lengths], names, axis=scope.integers(axis)[0])


def _resized(scope: Scope, node: Node) -> None:
    values, sides = node.inputs
    if node.attribute("align_corners").b:
        raise NotConvertible(f"resizes corner to corner (at {node.name}), which is not converted")
    first = scope.graph.channels_first(values)
    start = scope.graph.add("Shape", [first], start=0, end=2)
    shape = scope.graph.add("Concat", [start, scope.graph.constant(scope.integers(sides), np.int64)], axis=0)
    places = "half_pixel" if node.attribute("half_pixel_centers").b else "asymmetric"
    resized = scope.graph.add("Resize", [first, "", "", shape], mode="linear", coordinate_transformation_mode=places)
    scope.graph.channels_last(resized, node.name)


def _dense(scope: Scope, node: Node) -> None:
    """An array of one value but for some places, all of them known."""
    places, shape, values, rest = (scope.constant(name) for name in node.inputs)
    if places.size:
        raise NotConvertible(f"keeps {node.name} as a sparse array, which is not converted")
    if values.size:
        raise NotConvertible(f"has values without a place in {node.name}")
    scope.known[node.name] = np.full(shape.astype(int).tolist(), rest)
    scope.graph.constant(scope.known[node.name], name=node.name)


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
    "Equal": partial(_same, "Equal"),
    "ExpandDims": _expanded,
    "Floor": partial(_same, "Floor"),
    "FloorDiv": _floor_division,
    "FloorMod": _floor_rest,
    "FusedDepthwiseConv2dNative": partial(_convolution, depthwise=True),
    "GatherNd": _gathered_by_place,
    "GatherV2": _gathered,
    "Identity": partial(_same, "Identity"),
    "LeakyRelu": _leaky_relu,
    "Max": partial(_reduced, "ReduceMax"),
    "MaxPool": _max_pool,
    "Maximum": partial(_same, "Max"),
    "Mean": partial(_reduced, "ReduceMean"),
    "Min": partial(_reduced, "ReduceMin"),
    "Minimum": partial(_same, "Min"),
    "Mul": partial(_same, "Mul"),
    "Pad": _padded,
    "PadV2": _padded,
    "Placeholder": _placeholder,
    "Prelu": partial(_same, "PRelu"),
    "Prod": partial(_reduced, "ReduceProd"),
    "Relu": partial(_same, "Relu"),
    "Relu6": _relu6,
    "Reshape": _reshape,
    "ResizeBilinear": _resized,
    "Rsqrt": _inverse_root,
    "Sigmoid": partial(_same, "Sigmoid"),
    "Softmax": partial(_same, "Softmax"),
    "SparseToDense": _dense,
    "SplitV": _split,
    "Square": _square,
    "StridedSlice": _strided_slice,
    "Sub": partial(_same, "Sub"),
    "Sum": partial(_reduced, "ReduceSum"),
    "TopKV2": _largest,
    "Transpose": _transpose,
    "_FusedConv2D": partial(_convolution, depthwise=False),
    "_FusedMatMul": _fused_matmul,
}
