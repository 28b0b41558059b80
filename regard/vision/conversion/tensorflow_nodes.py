"""A TensorFlow graph as its JSON has it: nodes with their attributes; and what is known while it is converted."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from regard.vision.conversion.model_files import NotConvertible
from regard.vision.conversion.onnx_graph import OnnxGraph

Array = NDArray[Any]


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
    f: float = 0
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
        """The values it takes, without nodes that it must only wait for. A node's first output has the node's name, its
        further ones NAME:1, NAME:2 …"""
        return tuple(name.removesuffix(":0") for name in self.input if not name.startswith("^"))

    @property
    def needs(self) -> tuple[str, ...]:
        """The nodes that those values are outputs of."""
        return tuple(name.partition(":")[0] for name in self.inputs)

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
