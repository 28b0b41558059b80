"""Prepares an exported graph for serving, as ONNX.

Exporters leave two things in the way: weights listed as graph inputs, which stop ONNX Runtime from folding them (half
the speed of `centerface`), and batch, height and width frozen to the example the exporter ran. Two more are slow by
themselves: ONNX Runtime's PRelu took more than half of `fr-feature`'s time, and weights next to nothing, which training
leaves behind, are subnormal or make subnormal products, on which processors trap: on an Intel Xeon `fr-feature` took 13
times as long with them.

What a model of faces has no use for is refused: it could hide work without end, or reach beyond the file that a card's
sha256 vouches for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from regard.errors import ModelUnavailable
from regard.vision.conversion import efficientnet_lite, keras, tensorflow_js
from regard.vision.conversion.model_files import Format, ModelFiles, NotConvertible
from regard.vision.quantisation import Quantisation, quantised

#: Weights below this in magnitude are zero: beside sums of order 1 they are beneath a float's last bit (1e-7).
NEGLIGIBLE_WEIGHT = 1e-15

#: ONNX's own operations, and those that ONNX Runtime adds to them.
_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
#: It loads a compiled model from another file.
_REACHES_OUT = "EPContext"


def prepared(files: ModelFiles, *, free_sides: bool = False, quantisation: Quantisation | None = None) -> bytes:
    """The graph in `files`, as ONNX, serialised, with weights as constants, and a free batch axis if it was ONNX.

    `free_sides` also frees height and width, for fully convolutional models. With a `quantisation` it computes in
    bytes, and takes bytes. Raises ModelUnavailable for a graph with control flow, functions or operations of its own,
    sparse weights, or weights in other files, and for one of another format with what is not converted.
    """
    try:
        model = _READERS[files.format](files)
    except NotConvertible as error:
        raise ModelUnavailable(f"{files.file} {error}") from error
    if fault := next(_faults(model), None):
        raise ModelUnavailable(f"{files.file} {fault}")
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    if files.format == "onnx":  # a converted one says itself whether it takes one row or many
        _free_axes(graph, free_sides=free_sides)
    _without_prelu(graph)
    _without_negligible_weights(graph)
    # Shapes noted along the way still say batch 1; ONNX Runtime infers them again.
    del graph.value_info[:]
    if quantisation:
        model = quantised(model, quantisation)
    return bytes(model.SerializeToString())


def _onnx(files: ModelFiles) -> onnx.ModelProto:
    return onnx.load(str(files.file), format="protobuf", load_external_data=False)


_READERS: Mapping[Format, Callable[[ModelFiles], onnx.ModelProto]] = {
    "onnx": _onnx,
    "tensorflow-js": tensorflow_js.read,
    "keras": keras.read,
    "pytorch": efficientnet_lite.read,
}


def _faults(model: onnx.ModelProto) -> Iterator[str]:
    """What is refused, in words that follow the file's name."""
    if model.functions:
        yield (
            f"defines a function of its own, {model.functions[0].name}; inline its functions with "
            "onnx.inliner.inline_local_functions"
        )
    tensors = [*model.graph.initializer]
    sparse = [each.values.name for each in model.graph.sparse_initializer]
    for node in model.graph.node:
        called = f"an operation {node.op_type} of the domain {node.domain!r}"
        if node.domain not in _DOMAINS or node.op_type == _REACHES_OUT:
            yield f"has {called}, which Regard does not run; export the model with ONNX's own operations"
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                yield (
                    f"has control flow ({node.op_type}), which may never end and which no model of faces needs; export "
                    "the model without it"
                )
            tensors += [attribute.t, *attribute.tensors]
            if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
                sparse.append(node.output[0] if node.output else node.name)
    if sparse:
        yield f"keeps {sparse[0]} as a sparse tensor, which may be of any size; export the model with dense ones"
    for tensor in tensors:
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            yield (
                f"keeps {tensor.name or 'a constant'} in another file, for which its card's sha256 does not vouch; "
                "save it as one file: onnx.save(onnx.load(OLD), NEW)"
            )


def _free_axes(graph: onnx.GraphProto, *, free_sides: bool) -> None:
    for value in graph.input:
        _free(value, ("batch", None, "height", "width") if free_sides else ("batch",))
    for value in graph.output:
        # Nothing says which axis of an output follows from which side, so each gets a name of its own.
        axes = range(len(value.type.tensor_type.shape.dim))
        _free(value, tuple(f"{value.name}_{axis}" for axis in axes) if free_sides else ("batch",))
    _free_reshapes(graph)


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


def identity() -> bytes:
    """A graph that returns its input: one number, x."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, (1,)) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())
