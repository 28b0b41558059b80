"""Tiny TensorFlow.js graph models, written as its converter writes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from regard.vision.conversion.model_files import ModelFiles


def text(value: str) -> dict[str, Any]:
    return {"s": base64.b64encode(value.encode()).decode()}


def numbers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


def flag(value: bool) -> dict[str, Any]:
    return {"b": value}


def node(name: str, op: str, *inputs: str, **attributes: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "op": op, "input": list(inputs), "attr": attributes}


def placeholder(*shape: int, dtype: str = "DT_FLOAT", name: str = "picture") -> dict[str, Any]:
    dimensions = {"dim": [{"size": str(side)} for side in shape]}
    return node(name, "Placeholder", dtype={"type": dtype}, shape={"shape": dimensions})


def graph_model(
    folder: Path,
    nodes: Sequence[dict[str, Any]],
    weights: Mapping[str, Any],
    *,
    outputs: Sequence[str] = ("answer",),
    halves: bool = False,
) -> ModelFiles:
    """Write model.json and model.bin; each weight has its Const node. `halves` keeps the floats as float16."""
    arrays = {name: np.asarray(value) for name, value in weights.items()}
    entries, content = [], b""
    for name, array in arrays.items():
        dtype = "int32" if array.dtype.kind == "i" else "float32"
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": dtype}
        kept = dtype
        if halves and dtype == "float32":
            kept = "float16"
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
        entries.append(entry)
        content += array.astype(kept).tobytes()
    constants = [node(name, "Const", dtype={"type": "DT_FLOAT"}) for name in arrays]
    model = {
        "format": "graph-model",
        "signature": {"inputs": {}, "outputs": {name: {"name": f"{name}:0", "dtype": "DT_FLOAT"} for name in outputs}},
        "modelTopology": {"node": [*constants, *nodes]},
        "weightsManifest": [{"paths": ["model.bin"], "weights": entries}],
    }
    file, binary = folder / "model.json", folder / "model.bin"
    file.write_text(json.dumps(model))
    binary.write_bytes(content)
    return ModelFiles(file, "tensorflow-js", binary)
