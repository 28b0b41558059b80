"""Tiny ONNX models, written node by node, that behave as the families of real ones do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save
from onnx.onnx_ml_pb2 import NodeProto

Shape = Sequence[int | str | None]


def save_graph(
    file: Path,
    nodes: Sequence[NodeProto],
    *,
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    weights: Mapping[str, np.ndarray],
    weights_are_inputs: bool = False,
) -> Path:
    """Write a model; `weights_are_inputs` lists the weights as inputs too, as old exporters do."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()]
    if weights_are_inputs:
        values += [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors]
    graph = helper.make_graph(
        list(nodes),
        "toy",
        values,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    save(model, str(file))
    return file


def node(kind: str, inputs: str, outputs: str, **attributes: object) -> NodeProto:
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def glasses(file: Path) -> Path:
    """FaceAttribNet's form: a crop in; left eye open, right eye open, eyeglasses, mask and sunglasses out. These wear
    eyeglasses in every picture.
    """
    weights = {
        "nothing": np.zeros((3, 5), np.float32),
        "always": np.array([0.9, 0.9, 0.8, 0.1, 0.3], np.float32),
    }
    nodes = [
        node("GlobalAveragePool", "image", "means"),
        node("Flatten", "means", "rows", axis=1),
        node("Gemm", "rows nothing always", "attributes"),
    ]
    inputs, outputs = {"image": [1, 3, 128, 128]}, {"attributes": [1, 5]}
    return save_graph(file, nodes, inputs=inputs, outputs=outputs, weights=weights)


def embedder(file: Path, dimension: int = 4, side: int = 112) -> Path:
    """ArcFace's form: one crop in, one vector out, batch 1 frozen in input, output and Reshape.

    The vector is the mean of each of four vertical quarters of the first channel: a mirrored crop gives it reversed.
    """
    weights = {
        "starts": np.array([0, 0], np.int64),
        "ends": np.array([1, 2**31 - 1], np.int64),
        "axes": np.array([1, 0], np.int64),
        "row": np.array([1, dimension], np.int64),
    }
    nodes = [
        node("Slice", "data starts ends axes", "first"),
        node("AveragePool", "first", "means", kernel_shape=[side, side // dimension], strides=[1, side // dimension]),
        node("Reshape", "means row", "fc1"),
    ]
    return save_graph(
        file, nodes, inputs={"data": (1, 3, side, side)}, outputs={"fc1": (1, dimension)}, weights=weights
    )


#: A face of these detectors is a bright block of 8×8 pixels on black; the score is its brightness.
STRIDES = (8, 16, 32)


def scrfd(file: Path, side: int = 64) -> Path:
    """SCRFD's form as InsightFace exports it: frozen 1×3×S×S, nine outputs of (cells × 2 anchors) rows.

    The two anchors of a cell score as its brightness and as half of that. Each box reaches one stride from the cell's
    corner; the points lie at quarter strides along the diagonal.
    """
    weights: dict[str, np.ndarray] = {
        "two": np.array([1.0, 0.5], np.float32).reshape(2, 1, 1, 1) / 3,
        "reach": np.ones((8, 1, 1, 1), np.float32),
        "marks": np.tile(np.arange(5, dtype=np.float32).repeat(2) / 4, 2).reshape(20, 1, 1, 1),
        "none": np.float32(0),
        **{f"rows_{k}": np.array([-1, k], np.int64) for k in (1, 4, 10)},
    }
    weights["two"] = weights["two"].repeat(3, axis=1)
    nodes, outputs = [], {}
    for stride in STRIDES:
        nodes.append(node("AveragePool", "data", f"cell{stride}", kernel_shape=[stride] * 2, strides=[stride] * 2))
        nodes.append(node("Conv", f"cell{stride} two", f"heat{stride}"))
        nodes.append(node("ReduceMax", f"cell{stride}", f"grey{stride}", axes=[1], keepdims=1))
        nodes.append(node("Mul", f"grey{stride} none", f"zero{stride}"))
        nodes.append(node("Exp", f"zero{stride}", f"one{stride}"))
        nodes.append(node("Conv", f"one{stride} reach", f"boxes{stride}"))
        nodes.append(node("Conv", f"one{stride} marks", f"points{stride}"))
    for kind, columns in (("heat", 1), ("boxes", 4), ("points", 10)):
        for stride in STRIDES:
            name = f"{kind}_{stride}_out"
            nodes.append(node("Transpose", f"{kind}{stride}", f"{name}_nhwc", perm=[0, 2, 3, 1]))
            nodes.append(node("Reshape", f"{name}_nhwc rows_{columns}", name))
            outputs[name] = (2 * (side // stride) ** 2, columns)
    return save_graph(file, nodes, inputs={"data": (1, 3, side, side)}, outputs=outputs, weights=weights)


def yunet(file: Path, side: int = 64) -> Path:
    """YuNet's form: frozen 1×3×S×S, (cls, obj, bbox, kps) × strides as 1×cells×k.

    Class and objectness are the cell's brightness. A box is centred half a cell in and one stride wide; the points lie
    at quarter strides along the diagonal.
    """
    weights: dict[str, np.ndarray] = {
        "mean": np.full((1, 3, 1, 1), 1 / 3 / 255, np.float32),
        "half": np.array([0.5, 0.5, 0, 0], np.float32).reshape(4, 1, 1, 1),
        "marks": (np.arange(5, dtype=np.float32).repeat(2) / 4).reshape(10, 1, 1, 1),
        "none": np.float32(0),
        **{f"rows_{k}": np.array([1, -1, k], np.int64) for k in (1, 4, 10)},
    }
    nodes, outputs = [], {}
    for stride in STRIDES:
        nodes.append(node("AveragePool", "input", f"cell{stride}", kernel_shape=[stride] * 2, strides=[stride] * 2))
        nodes.append(node("Conv", f"cell{stride} mean", f"grey{stride}"))
        nodes.append(node("Mul", f"grey{stride} none", f"zero{stride}"))
        nodes.append(node("Exp", f"zero{stride}", f"one{stride}"))
        nodes.append(node("Conv", f"one{stride} half", f"boxes{stride}"))
        nodes.append(node("Conv", f"one{stride} marks", f"points{stride}"))
    for kind, source, columns in (("cls", "grey", 1), ("obj", "grey", 1), ("bbox", "boxes", 4), ("kps", "points", 10)):
        for stride in STRIDES:
            name = f"{kind}_{stride}"
            nodes.append(node("Transpose", f"{source}{stride}", f"{name}_nhwc", perm=[0, 2, 3, 1]))
            nodes.append(node("Reshape", f"{name}_nhwc rows_{columns}", name))
            outputs[name] = (1, (side // stride) ** 2, columns)
    return save_graph(file, nodes, inputs={"input": (1, 3, side, side)}, outputs=outputs, weights=weights)
