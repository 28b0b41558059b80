"""EfficientNet-Lite (Google, 2020, after Tan and Le 2019), from the weights that PyTorch saved, as an ONNX graph.

The weights are named as in efficientnet_lite_pytorch, by ML Illustrated. Of its sizes, Lite0 to Lite4, the weights say
which it is: how many blocks there are, how wide, and where a stage begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from regard.vision.conversion.model_files import ModelFiles, NotConvertible
from regard.vision.conversion.onnx_graph import ModelProto, OnnxGraph, padding
from regard.vision.conversion.state_dict import read_arrays

#: Of the first block of each stage; its other blocks have 1.
_STRIDES: Final = (1, 2, 2, 2, 1, 2, 1)
_STEM_STRIDE: Final = 2
_EPSILON: Final = 1e-3
#: Sides of the picture; it may be of any size, and these are free.
_FREE: Final = (-1, -1, -1, 3)


def read(files: ModelFiles) -> ModelProto:
    """The graph that gives `features`, N×1280, and `logits`, N×1000, of N pictures. Raises NotConvertible."""
    return _Maker(read_arrays(files.file.read_bytes())).graph()


@dataclass
class _Maker:
    """The graph in the making: pictures are N×C×H×W."""

    weights: Mapping[str, NDArray[Any]]
    onnx: OnnxGraph = field(default_factory=OnnxGraph)

    def graph(self) -> ModelProto:
        value = self._convolved(self.onnx.picture("picture", _FREE), "_conv_stem", "_bn0", stride=_STEM_STRIDE)
        value = self._relu6(value)
        strides, width = iter(_STRIDES), 0
        for number in count():
            block = f"_blocks.{number}."
            if f"{block}_project_conv.weight" not in self.weights:
                break
            wider = len(self._weight(f"{block}_project_conv.weight"))
            stride = 1 if wider == width else next(strides, 0)
            value = self._block(value, block, stride=stride, residual=wider == width)
            width = wider
        if next(strides, None) is not None:
            raise NotConvertible(f"has other stages than the {len(_STRIDES)} of an EfficientNet-Lite")
        value = self._relu6(self._convolved(value, "_conv_head", "_bn1"))
        pooled = self.onnx.add("GlobalAveragePool", [value])
        self.onnx.add("Flatten", [pooled], "features")
        last = [self.onnx.constant(self._weight(f"_fc.{part}")) for part in ("weight", "bias")]
        self.onnx.add("Gemm", ["features", *last], "logits", transB=1)
        return self.onnx.model(["features", "logits"])

    def _block(self, value: str, block: str, *, stride: int, residual: bool) -> str:
        """An inverted residual (Sandler et al. 2018): wider, by each channel on its own, narrow again."""
        if stride == 0:
            raise NotConvertible(f"has more than the {len(_STRIDES)} stages of an EfficientNet-Lite")
        inner = value
        if f"{block}_expand_conv.weight" in self.weights:
            inner = self._relu6(self._convolved(inner, f"{block}_expand_conv", f"{block}_bn0"))
        inner = self._convolved(inner, f"{block}_depthwise_conv", f"{block}_bn1", stride=stride, depthwise=True)
        inner = self._convolved(self._relu6(inner), f"{block}_project_conv", f"{block}_bn2")
        return self.onnx.add("Add", [value, inner]) if residual else inner

    def _convolved(self, value: str, name: str, norm: str, *, stride: int = 1, depthwise: bool = False) -> str:
        kernel = self._weight(f"{name}.weight")
        convolved = self.onnx.add(
            "Conv",
            [value, self.onnx.constant(kernel)],
            kernel_shape=kernel.shape[2:],
            strides=(stride, stride),
            group=len(kernel) if depthwise else 1,
            auto_pad=padding("same"),
        )
        parts = ("weight", "bias", "running_mean", "running_var")
        scales = [self.onnx.constant(self._weight(f"{norm}.{part}")) for part in parts]
        return self.onnx.add("BatchNormalization", [convolved, *scales], epsilon=_EPSILON)

    def _relu6(self, value: str) -> str:
        return self.onnx.add("Clip", [value, *(self.onnx.constant(bound, np.float32) for bound in (0, 6))])

    def _weight(self, name: str) -> NDArray[Any]:
        if name not in self.weights or self.weights[name].dtype != np.float32:
            raise NotConvertible(f"has no {name} of float32, so it is no EfficientNet-Lite")
        return self.weights[name]
