"""What a model's bytes are kept as, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: ONNX is run as it is; the others are converted to it each time they are loaded, without running anything of theirs.
Format = Literal["onnx", "tensorflow-js", "keras", "pytorch"]


class NotConvertible(Exception):
    """A file that cannot be made into an ONNX graph; the message says why, in words that follow the file's name."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The file of a model, and where a TensorFlow.js graph has its weights."""

    file: Path
    format: Format = "onnx"
    weights: Path | None = None
