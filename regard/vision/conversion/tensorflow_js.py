"""A TensorFlow.js graph model, a JSON of nodes and a file of weights, as an ONNX graph.

Both are read, nothing is run. Only the operations in `tensorflow_operations` are converted: those of the models with
cards. What a file of strangers may have wrong with it is told in words: cycles, weights that are too few or too many,
references to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AliasChoices, AliasPath, BaseModel, Field, ValidationError

from regard.vision.conversion.model_files import ModelFiles, NotConvertible
from regard.vision.conversion.onnx_graph import ModelProto, OnnxGraph
from regard.vision.conversion.tensorflow_nodes import Array, Node, Scope
from regard.vision.conversion.tensorflow_operations import OPERATIONS

#: Three times the largest JSON of the models with cards.
_MOST_JSON_BYTES = 1 << 20
#: How a weight is kept; a float32 may be kept as float16.
_KEPT: Mapping[str, np.dtype[Any]] = {"float32": np.dtype("<f4"), "int32": np.dtype("<i4"), "float16": np.dtype("<f2")}


class _Quantization(BaseModel, frozen=True):
    dtype: Literal["float16"]


class _Weight(BaseModel, frozen=True):
    name: str
    shape: tuple[Annotated[int, Field(ge=0)], ...]
    dtype: Literal["float32", "int32"]
    quantization: _Quantization | None = None


class _WeightGroup(BaseModel, frozen=True):
    paths: tuple[str, ...]
    weights: tuple[_Weight, ...]


class _Topology(BaseModel, frozen=True):
    node: tuple[Node, ...]


class _Tensor(BaseModel, frozen=True):
    name: str


class _Signature(BaseModel, frozen=True):
    outputs: dict[str, _Tensor]


class _GraphModel(BaseModel, frozen=True):
    """The parts of the JSON that say what is computed."""

    format: Literal["graph-model"]
    #: Where older converters left it, too.
    signature: _Signature = Field(
        validation_alias=AliasChoices("signature", AliasPath("userDefinedMetadata", "signature"))
    )
    model_topology: _Topology = Field(alias="modelTopology")
    weights_manifest: tuple[_WeightGroup, ...] = Field(alias="weightsManifest")


def read(files: ModelFiles) -> ModelProto:
    """The graph of a TensorFlow.js graph model. Raises NotConvertible."""
    if files.weights is None:
        raise NotConvertible("is a TensorFlow.js model without weights; name their file in its card")
    if files.file.stat().st_size > _MOST_JSON_BYTES:
        raise NotConvertible(f"is larger than {_MOST_JSON_BYTES / 1e6:.0f} MB, which no graph of faces needs")
    try:
        model = _GraphModel.model_validate_json(files.file.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise NotConvertible(f"is not a TensorFlow.js graph model that Regard reads: {place}: {first['msg']}") from None
    return _graph(model, _weights(model.weights_manifest, files.weights.read_bytes()))


def _graph(model: _GraphModel, weights: Mapping[str, Array]) -> ModelProto:
    outputs = [tensor.name.removesuffix(":0") for tensor in model.signature.outputs.values()]
    scope = Scope(OnnxGraph(), weights)
    for node in _in_order({node.name: node for node in model.model_topology.node}, outputs):
        if node.op not in OPERATIONS:
            raise NotConvertible(f"has an operation {node.op} (at {node.name}), which is not converted")
        try:
            OPERATIONS[node.op](scope, node)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise NotConvertible(f"has an operation {node.op} (at {node.name}) that is not well formed") from error
    return scope.graph.model(outputs)


def _in_order(nodes: Mapping[str, Node], outputs: list[str]) -> Iterator[Node]:
    """What the outputs depend on, each after what it takes."""
    needs: dict[str, list[str]] = {}
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name in needs:
            continue
        if name not in nodes:
            raise NotConvertible(f"names {name}, which is not in its graph")
        needs[name] = list(nodes[name].needs)
        waiting += needs[name]
    try:
        yield from (nodes[name] for name in TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise NotConvertible(f"goes round in a circle: {' → '.join(error.args[1][:5])}") from None


def _weights(groups: tuple[_WeightGroup, ...], content: bytes) -> dict[str, Array]:
    """Every weight by name, from the one file they lie in one after the other."""
    files = sum(len(group.paths) for group in groups)
    if files != 1:
        raise NotConvertible(f"keeps its weights in {files} files; Regard reads one")
    found: dict[str, Array] = {}
    start = 0
    for weight in (weight for group in groups for weight in group.weights):
        kept = _KEPT[weight.quantization.dtype if weight.quantization else weight.dtype]
        count = math.prod(weight.shape)
        end = start + count * kept.itemsize
        if end > len(content):
            raise NotConvertible(f"has weights that end within {weight.name}: their file is cut short, or another's")
        array = np.frombuffer(content, kept, count, start).reshape(weight.shape)
        found[weight.name] = array.astype(weight.dtype)
        start = end
    if start != len(content):
        raise NotConvertible(f"has {len(content) - start} bytes of weights too many: their file is another's")
    return found
