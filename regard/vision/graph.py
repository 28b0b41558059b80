"""Prepares an exported ONNX graph for serving. The only import of onnx.

Exporters leave two things in the way: weights listed as graph inputs, which stop ONNX Runtime from folding them (half
the speed of `centerface`), and batch, height and width frozen to the example the exporter ran. Two more are slow by
themselves: ONNX Runtime's PRelu took more than half of `fr-feature`'s time, and weights next to nothing, which training
leaves behind, are subnormal or make subnormal products, on which processors trap: on an Intel Xeon `fr-feature` took 13
times as long with them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

#: Weights below this in magnitude are zero: beside sums of order 1 they are beneath a float's last bit (1e-7).
NEGLIGIBLE_WEIGHT = 1e-15


def prepared(file: Path, *, free_sides: bool = False) -> bytes:
    """The graph in `file`, serialised, with weights as constants and a free batch axis.

    `free_sides` also frees height and width, for fully convolutional models.
    """
    model = onnx.load(str(file))
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    for value in graph.input:
        _free(value, ("batch", None, "height", "width") if free_sides else ("batch",))
    for value in graph.output:
        # Nothing says which axis of an output follows from which side, so each gets a name of its own.
        axes = range(len(value.type.tensor_type.shape.dim))
        _free(value, tuple(f"{value.name}_{axis}" for axis in axes) if free_sides else ("batch",))
    _free_reshapes(graph)
    _without_prelu(graph)
    _without_negligible_weights(graph)
    # Shapes noted along the way still say batch 1; ONNX Runtime infers them again.
    del graph.value_info[:]
    return bytes(model.SerializeToString())


def _free(value: onnx.ValueInfoProto, names: tuple[str | None, ...]) -> None:
    for dimension, name in zip(value.type.tensor_type.shape.dim, names, strict=False):
        if name is not None:
            dimension.dim_param = name


def _free_reshapes(graph: onnx.GraphProto) -> None:
    """A Reshape to a constant (1, …) keeps its input's first axis instead: 0 means "as it is" (ONNX, Reshape).

    A reshaped weight is left alone: its first axis is not the batch.
    """
    constants = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if constants.issuperset(node.input):
            constants.update(node.output)
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape" and node.input[0] not in constants}
    for tensor in graph.initializer:
        if tensor.name in shapes:
            _free_first(tensor)
    for node in graph.node:
        if node.op_type == "Constant" and node.output[0] in shapes:
            for attribute in node.attribute:
                if attribute.name == "value":
                    _free_first(attribute.t)


def _free_first(tensor: onnx.TensorProto) -> None:
    shape = numpy_helper.to_array(tensor).copy()
    if shape.ndim == 1 and len(shape) > 1 and shape[0] == 1:
        shape[0] = 0
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(shape), tensor.name))


def _without_prelu(graph: onnx.GraphProto) -> None:
    """PRelu with constant slopes s as what it is: s·x + (1 − s)·max(x, 0)."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type == "PRelu" and node.input[1] in constants:
            slopes = numpy_helper.to_array(constants[node.input[1]])
            (x, _), y = node.input, node.output[0]
            graph.initializer.append(numpy_helper.from_array(np.asarray(1 - slopes, slopes.dtype), f"{y}/rest"))
            nodes += [
                onnx.helper.make_node("Relu", [x], [f"{y}/positive"]),
                onnx.helper.make_node("Mul", [f"{y}/positive", f"{y}/rest"], [f"{y}/more"]),
                onnx.helper.make_node("Mul", node.input, [f"{y}/sloped"]),
                onnx.helper.make_node("Add", [f"{y}/sloped", f"{y}/more"], [y]),
            ]
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _without_negligible_weights(graph: onnx.GraphProto) -> None:
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        weights = numpy_helper.to_array(tensor)
        negligible = (weights != 0) & (np.abs(weights) < NEGLIGIBLE_WEIGHT)
        if negligible.any():
            tensor.CopyFrom(numpy_helper.from_array(np.where(negligible, np.float32(0), weights), tensor.name))
