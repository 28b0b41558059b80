"""An ONNX graph in the making: nodes in the order of their work, and the constants they take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from regard.vision.conversion.model_files import NotConvertible

__all__ = ["TYPES", "ModelProto", "OnnxGraph", "padding"]

#: The first in which every Reduce… takes its axes as an input; ONNX Runtime 1.20 knows it.
_OPSET, _IR_VERSION = 18, 8
#: What nodes may be cast to.
TYPES = {"float32": TensorProto.FLOAT, "int32": TensorProto.INT32, "int64": TensorProto.INT64}


class OnnxGraph:
    """Takes nodes one by one, each naming values made before it."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []

    def add(self, operation: str, inputs: Iterable[str], name: str | None = None, **attributes: Any) -> str:
        """A node with one output, and that output's name: `name`, or a new one."""
        output = name or f"{operation}#{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, list(inputs), [output], **attributes))
        return output

    def add_several(self, operation: str, inputs: Iterable[str], names: Sequence[str], **attributes: Any) -> None:
        """A node with as many outputs as there are names."""
        self._nodes.append(helper.make_node(operation, list(inputs), list(names), **attributes))

    def constant(self, value: Any, dtype: type[np.generic] | None = None, name: str | None = None) -> str:
        """A value that is known: its name, which is `name`, or a new one."""
        array = np.asarray(value, dtype)
        label = name or f"constant#{len(self._constants)}"
        # np.ascontiguousarray would make a list of one of a number
        self._constants[label] = numpy_helper.from_array(np.array(array, order="C"), label)
        return label

    def cast(self, value: str, dtype: str, name: str | None = None) -> str:
        return self.add("Cast", [value], name, to=TYPES[dtype])

    def picture(self, name: str, shape: Sequence[int]) -> str:
        """Declares the input, which is N×H×W×C by `shape`, as the N×C×H×W that all models here take; gives its name."""
        if self._inputs:
            raise NotConvertible("takes more than one input; a model here takes one picture")
        if len(shape) != 4 or any(side == 0 for side in shape) or shape[3] not in (1, 3):
            raise NotConvertible(f"takes an input of shape {list(shape)}; a picture is N×H×W×3, or ×1 where it is grey")
        # TensorFlow writes −1 for an axis that is free.
        sides = [f"side{axis}" if side < 0 else side for axis, side in enumerate(shape)]
        self._inputs.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [sides[axis] for axis in (0, 3, 1, 2)])
        )
        return name

    def channels_first(self, value: str) -> str:
        return self.add("Transpose", [value], perm=[0, 3, 1, 2])

    def channels_last(self, value: str, name: str | None = None) -> str:
        # Every convolution stands between two of these; ONNX Runtime cancels those that meet.
        return self.add("Transpose", [value], name, perm=[0, 2, 3, 1])

    def model(self, outputs: Iterable[str]) -> ModelProto:
        """The graph that gives `outputs`, with the constants that it uses."""
        if not self._inputs:
            raise NotConvertible("takes no input; a model here takes one picture")
        used = {name for node in self._nodes for name in node.input if name}
        made = {name for node in self._nodes for name in node.output}
        if missing := used - made - self._constants.keys() - {value.name for value in self._inputs}:
            raise NotConvertible(f"names {min(missing)}, which is not in its graph")
        graph = helper.make_graph(
            self._nodes,
            "converted",
            self._inputs,
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            [tensor for name, tensor in self._constants.items() if name in used],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


def padding(word: str) -> str:
    """Keras's and TensorFlow's word for a convolution's or a pool's padding, as ONNX's."""
    words = {"same": "SAME_UPPER", "valid": "VALID"}
    if word.lower() not in words:
        raise NotConvertible(f"pads by {word!r}, which is not converted")
    return words[word.lower()]
