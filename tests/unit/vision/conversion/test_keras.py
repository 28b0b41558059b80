"""Keras's layers beside numpy; the whole model is in tests/golden/test_conversions.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_keras import keras_model, layer

from regard.errors import ModelUnavailable
from regard.vision.conversion.model_files import ModelFiles
from regard.vision.session import OnnxSession

RANDOM = np.random.default_rng(5)
#: Two pictures of 4×5 pixels, N×H×W×C as Keras has them.
X = RANDOM.normal(0, 2, (2, 4, 5, 3)).astype(np.float32)
INPUT = layer("picture", "InputLayer", batch_input_shape=[None, 4, 5, 3])


def ran(files: ModelFiles) -> np.ndarray:
    (result,) = OnnxSession(files).run(np.ascontiguousarray(X.transpose(0, 3, 1, 2)))
    return result


def answer(folder: Path, *layers: dict[str, Any], **weights: dict[str, Any]) -> np.ndarray:
    """What the converted layers give for X; pictures as N×H×W×C."""
    result = ran(keras_model(folder, [INPUT, *layers], weights))
    return result.transpose(0, 2, 3, 1) if result.ndim == 4 else result


def windows(pictures: np.ndarray, side: int) -> np.ndarray:
    """N, rows, columns, channels, side, side."""
    return np.lib.stride_tricks.sliding_window_view(pictures, (side, side), axis=(1, 2))


def test_a_convolution_with_its_bias(tmp_path: Path) -> None:
    kernel, bias = RANDOM.normal(size=(2, 2, 3, 4)).astype(np.float32), np.arange(4, dtype=np.float32)
    made = layer("answer", "Conv2D", "picture", padding="valid", activation="relu")
    result = answer(tmp_path, made, answer={"kernel": kernel, "bias": bias})
    expected = np.einsum("nyxcij,ijcm->nyxm", windows(X, 2), kernel) + bias
    np.testing.assert_allclose(result, np.maximum(expected, 0), rtol=1e-4, atol=1e-5)


def test_a_depthwise_convolution_pads_below_and_to_the_right_as_keras_does(tmp_path: Path) -> None:
    kernel = RANDOM.normal(size=(3, 3, 3, 2)).astype(np.float32)
    made = layer("answer", "DepthwiseConv2D", "picture", padding="same", strides=[2, 2], use_bias=False)
    result = answer(tmp_path, made, answer={"depthwise_kernel": kernel})
    padded = np.pad(X, ((0, 0), (0, 1), (1, 1), (0, 0)))
    expected = np.einsum("nyxcij,ijcm->nyxcm", windows(padded, 3)[:, ::2, ::2], kernel).reshape(2, 2, 3, 6)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_a_normalisation(tmp_path: Path) -> None:
    gamma, beta, mean, variance = RANDOM.random((4, 3)).astype(np.float32) + 0.1
    weights = {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": variance}
    result = answer(tmp_path, layer("answer", "BatchNormalization", "picture", axis=[3], epsilon=0.01), answer=weights)
    np.testing.assert_allclose(result, (X - mean) / np.sqrt(variance + 0.01) * gamma + beta, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("most", [None, 1.5])
def test_what_is_cut_off_below_and_perhaps_above(tmp_path: Path, most: float | None) -> None:
    result = answer(tmp_path, layer("answer", "ReLU", "picture", max_value=most))
    np.testing.assert_array_equal(result, np.clip(X, 0, most))


def test_pictures_are_padded_pooled_and_added(tmp_path: Path) -> None:
    padded = layer("padded", "ZeroPadding2D", "picture", padding=[[2, 0], [0, 1]])
    pooled = layer("pooled", "AveragePooling2D", "padded", pool_size=[2, 3], strides=[2, 3])
    result = answer(tmp_path, padded, pooled, layer("answer", "Add", "pooled", "pooled"))
    expected = np.pad(X, ((0, 0), (2, 0), (0, 1), (0, 0))).reshape(2, 3, 2, 2, 3, 3).mean((2, 4))
    np.testing.assert_allclose(result, 2 * expected, rtol=1e-5, atol=1e-6)


def test_a_flat_layer_takes_its_weights_in_keras_order(tmp_path: Path) -> None:
    kernel, bias = RANDOM.normal(size=(60, 4)).astype(np.float32), np.arange(4, dtype=np.float32)
    layers = [
        layer("dropped", "Dropout", "picture", rate=0.5),
        layer("flat", "Flatten", "dropped"),
        layer("answer", "Dense", "flat", activation="softmax"),
    ]
    raised = np.exp(X.reshape(2, 60) @ kernel + bias)
    result = answer(tmp_path, *layers, answer={"kernel": kernel, "bias": bias})
    np.testing.assert_allclose(result, raised / raised.sum(1, keepdims=True), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            layer("answer", "Lambda", "picture", function="os.system"),
            r"layer Lambda \(answer\), which is not converted",
        ),
        (layer("answer", "ReLU", "nobody"), "names a layer nobody, which it does not have"),
        (layer("answer", "ReLU", "answer"), "goes round in a circle: answer"),
        (layer("answer", "ReLU", "picture", negative_slope=0.1), "negative_slope"),
        (layer("answer", "Conv2D", "picture", data_format="channels_first"), "data_format"),
        (layer("answer", "Conv2D", "picture", padding="causal", use_bias=False), "pads by 'causal'"),
        (layer("answer", "Conv2D", "picture", activation="swish", use_bias=False), "bends answer by swish"),
        (layer("answer", "Conv2D", "picture"), "has no model_weights/answer/answer/bias:0"),
        (layer("answer", "DepthwiseConv2D", "picture"), "has no model_weights/answer/answer/depthwise_kernel:0"),
        (layer("answer", "BatchNormalization", "picture", axis=1), "along another axis"),
        (layer("answer", "ZeroPadding2D", "picture", padding="same"), "pads in answer by no number"),
        (layer("answer", "InputLayer", batch_input_shape=[None, 4, 5, 3]), "takes more than one input"),
        (layer("answer", "Dense", "picture", units=[1]) | {"inbound_nodes": [[["picture"]]] * 2}, "more than once"),
    ],
)
def test_what_is_not_converted_is_said_in_words(tmp_path: Path, made: dict[str, Any], said: str) -> None:
    files = keras_model(tmp_path, [INPUT, made], {"answer": {"kernel": np.ones((1, 1, 3, 3), np.float32)}})
    with pytest.raises(ModelUnavailable, match=said) as raised:
        ran(files)
    assert raised.value.message.startswith(str(files.file))


def test_a_kernel_of_another_shape_is_refused_in_words(tmp_path: Path) -> None:
    made = layer("answer", "Conv2D", "picture", use_bias=False)
    files = keras_model(tmp_path, [INPUT, made], {"answer": {"kernel": np.ones((3, 3), np.float32)}})
    with pytest.raises(ModelUnavailable, match=r"Conv2D \(answer\) that is not well formed"):
        ran(files)


def test_a_model_of_another_class_is_refused_in_words(tmp_path: Path) -> None:
    files = keras_model(tmp_path, [INPUT, layer("answer", "ReLU", "picture")], {}, class_name="Sequential")
    with pytest.raises(ModelUnavailable, match="is not a Keras model that Regard reads: class_name"):
        ran(files)
