"""A model that Keras 2 saved as HDF5, as an ONNX graph: its layers one by one, with their weights.

Only the layers of the models with cards are converted, and of their settings those that change what is computed are
checked. Nothing is run: a layer of Python code (Lambda) is refused as any other that is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from regard.vision.conversion.hdf5 import Hdf5File
from regard.vision.conversion.model_files import ModelFiles, NotConvertible
from regard.vision.conversion.onnx_graph import ModelProto, OnnxGraph, padding

_Pair = tuple[int, int]


class _Settings(BaseModel, frozen=True):
    """Those of all kinds of layer that change what is computed."""

    batch_input_shape: tuple[int | None, ...] = ()
    data_format: Literal["channels_last"] = "channels_last"
    padding: str | tuple[_Pair, _Pair] = "valid"
    strides: _Pair = (1, 1)
    dilation_rate: _Pair = (1, 1)
    pool_size: _Pair = (1, 1)
    activation: str = "linear"
    use_bias: bool = True
    epsilon: float = 1e-3
    axis: int | tuple[int] = 3
    center: Literal[True] = True
    scale: Literal[True] = True
    max_value: float | None = None
    negative_slope: Literal[0, None] = 0
    threshold: Literal[0, None] = 0


class _Layer(BaseModel, frozen=True):
    name: str
    class_name: str
    config: _Settings
    #: For each time that it is used, the layers it takes: (name, …).
    inbound_nodes: tuple[tuple[tuple[Any, ...], ...], ...] = ()

    @property
    def inputs(self) -> list[str]:
        if len(self.inbound_nodes) > 1:
            raise NotConvertible(f"uses the layer {self.name} more than once, which is not converted")
        return [str(taken[0]) for used in self.inbound_nodes for taken in used]


class _Layers(BaseModel, frozen=True):
    layers: tuple[_Layer, ...]
    output_layers: tuple[tuple[Any, ...], ...] = Field(min_length=1)


class _Model(BaseModel, frozen=True):
    class_name: Literal["Model", "Functional"]
    config: _Layers


@dataclass(frozen=True, slots=True)
class _Scope:
    """The graph in the making, whose pictures are N×C×H×W throughout, and the weights."""

    graph: OnnxGraph
    file: Hdf5File

    def weights(self, layer: _Layer, name: str) -> NDArray[np.float32]:
        return self.file.array(f"model_weights/{layer.name}/{layer.name}/{name}:0")


def read(files: ModelFiles) -> ModelProto:
    """The graph of a model that Keras saved. Raises NotConvertible."""
    file = Hdf5File(files.file.read_bytes())
    try:
        model = _Model.model_validate_json(file.text("model_config"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise NotConvertible(f"is not a Keras model that Regard reads: {place}: {first['msg']}") from None
    outputs = [str(taken[0]) for taken in model.config.output_layers]
    scope = _Scope(OnnxGraph(), file)
    for layer in _in_order({layer.name: layer for layer in model.config.layers}):
        if layer.class_name not in _LAYERS:
            raise NotConvertible(f"has a layer {layer.class_name} ({layer.name}), which is not converted")
        try:
            _LAYERS[layer.class_name](scope, layer, layer.inputs)
        except (IndexError, TypeError, ValueError) as error:
            raise NotConvertible(f"has a layer {layer.class_name} ({layer.name}) that is not well formed") from error
    return scope.graph.model(outputs)


def _in_order(layers: Mapping[str, _Layer]) -> Iterator[_Layer]:
    needs = {layer.name: layer.inputs for layer in layers.values()}
    if missing := next((name for names in needs.values() for name in names if name not in layers), None):
        raise NotConvertible(f"names a layer {missing}, which it does not have")
    try:
        yield from (layers[name] for name in TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise NotConvertible(f"goes round in a circle: {' → '.join(error.args[1][:5])}") from None


def _input(scope: _Scope, layer: _Layer, _: list[str]) -> None:
    picture = scope.graph.picture(
        f"{layer.name}/picture", [-1 if side is None else side for side in layer.config.batch_input_shape]
    )
    scope.graph.add("Identity", [picture], layer.name)


def _convolution(scope: _Scope, layer: _Layer, inputs: list[str]) -> None:
    kernel = scope.weights(layer, "kernel").transpose(3, 2, 0, 1)
    _convolve(scope, layer, inputs, kernel, groups=1)


def _depthwise(scope: _Scope, layer: _Layer, inputs: list[str]) -> None:
    kernel = scope.weights(layer, "depthwise_kernel")
    height, width, channels, each = kernel.shape
    kernel = kernel.transpose(2, 3, 0, 1).reshape(channels * each, 1, height, width)
    _convolve(scope, layer, inputs, kernel, groups=channels)


def _convolve(scope: _Scope, layer: _Layer, inputs: list[str], kernel: NDArray[np.float32], *, groups: int) -> None:
    settings = layer.config
    bias = [scope.graph.constant(scope.weights(layer, "bias"))] if settings.use_bias else []
    convolved = scope.graph.add(
        "Conv",
        [*inputs, scope.graph.constant(kernel), *bias],
        kernel_shape=kernel.shape[2:],
        strides=settings.strides,
        dilations=settings.dilation_rate,
        group=groups,
        auto_pad=padding(str(settings.padding)),
    )
    _activate(scope, layer, convolved)


def _activate(scope: _Scope, layer: _Layer, value: str) -> None:
    kinds = {"linear": "Identity", "relu": "Relu", "softmax": "Softmax", "sigmoid": "Sigmoid"}
    if layer.config.activation not in kinds:
        raise NotConvertible(f"bends {layer.name} by {layer.config.activation}, which is not converted")
    scope.graph.add(kinds[layer.config.activation], [value], layer.name)


def _batch_normalisation(scope: _Scope, layer: _Layer, inputs: list[str]) -> None:
    if np.ravel(layer.config.axis).tolist() not in ([3], [-1]):
        raise NotConvertible(f"normalises {layer.name} along another axis than its channels, which is not converted")
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    weights = [scope.graph.constant(scope.weights(layer, name)) for name in names]
    scope.graph.add("BatchNormalization", [*inputs, *weights], layer.name, epsilon=layer.config.epsilon)


def _relu(scope: _Scope, layer: _Layer, inputs: list[str]) -> None:
    if layer.config.max_value is None:
        scope.graph.add("Relu", inputs, layer.name)
    else:
        bounds = [scope.graph.constant(bound, np.float32) for bound in (0, layer.config.max_value)]
        scope.graph.add("Clip", [*inputs, *bounds], layer.name)


def _zero_padding(scope: _Scope, layer: _Layer, inputs: list[str]) -> None:
    if isinstance(layer.config.padding, str):
        raise NotConvertible(f"pads in {layer.name} by no number, which is not converted")
    (top, bottom), (left, right) = layer.config.padding
    pads = [0, 0, top, left, 0, 0, bottom, right]
    scope.graph.add("Pad", [*inputs, scope.graph.constant(pads, np.int64)], layer.name)


def _average_pool(scope: _Scope, layer: _Layer, inputs: list[str]) -> None:
    settings = layer.config
    scope.graph.add(
        "AveragePool",
        inputs,
        layer.name,
        kernel_shape=settings.pool_size,
        strides=settings.strides,
        auto_pad=padding(str(settings.padding)),
    )


def _flatten(scope: _Scope, layer: _Layer, inputs: list[str]) -> None:
    # The weights that follow are in Keras's order, channels last.
    scope.graph.add("Flatten", [scope.graph.channels_last(*inputs)], layer.name, axis=1)


def _dense(scope: _Scope, layer: _Layer, inputs: list[str]) -> None:
    value = scope.graph.add("MatMul", [*inputs, scope.graph.constant(scope.weights(layer, "kernel"))])
    if layer.config.use_bias:
        value = scope.graph.add("Add", [value, scope.graph.constant(scope.weights(layer, "bias"))])
    _activate(scope, layer, value)


def _add(scope: _Scope, layer: _Layer, inputs: list[str]) -> None:
    scope.graph.add("Sum", inputs, layer.name)


def _nothing(scope: _Scope, layer: _Layer, inputs: list[str]) -> None:
    """What is only for training."""
    scope.graph.add("Identity", inputs, layer.name)


_LAYERS: Mapping[str, Callable[[_Scope, _Layer, list[str]], None]] = {
    "Add": _add,
    "AveragePooling2D": _average_pool,
    "BatchNormalization": _batch_normalisation,
    "Conv2D": _convolution,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "Dropout": _nothing,
    "Flatten": _flatten,
    "InputLayer": _input,
    "ReLU": _relu,
    "ZeroPadding2D": _zero_padding,
}
