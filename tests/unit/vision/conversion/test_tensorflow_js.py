from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_tensorflow import graph_model, node, placeholder

from regard.errors import ModelUnavailable
from regard.vision.conversion.model_files import ModelFiles
from regard.vision.graph_trial import try_graph
from regard.vision.session import OnnxSession

PICTURE = np.random.default_rng(1).random((3, 3, 4, 4), np.float32)


def shifted(folder: Path, batch: int = -1, *, halves: bool = False) -> ModelFiles:
    """A model that adds 1, 2 and 3.3 to red, green and blue."""
    nodes = [node("answer", "AddV2", "picture", "shift"), placeholder(batch, 4, 4, 3)]
    return graph_model(folder, nodes, {"shift": np.array([1, 2, 3.3], np.float32)}, halves=halves)


@pytest.mark.parametrize("batch", [-1, 1])
def test_a_graph_takes_pictures_as_all_models_do_one_row_or_many(tmp_path: Path, batch: int) -> None:
    heard: list[float] = []
    session = OnnxSession(shifted(tmp_path, batch), ran=heard.append)
    (result,) = session.run(PICTURE)
    np.testing.assert_allclose(result, PICTURE.transpose(0, 2, 3, 1) + np.array([1, 2, 3.3], np.float32), rtol=1e-6)
    assert len(heard) == (1 if batch < 0 else 3)
    assert session.outputs == ("answer",)


def test_weights_may_be_kept_in_half_the_bytes(tmp_path: Path) -> None:
    files = shifted(tmp_path, halves=True)
    assert files.weights is not None
    assert files.weights.stat().st_size == 6
    (result,) = OnnxSession(files).run(PICTURE)
    np.testing.assert_allclose(result, PICTURE.transpose(0, 2, 3, 1) + np.array([1, 2, 3.3]), atol=2e-3)


def test_what_no_output_needs_is_not_converted(tmp_path: Path) -> None:
    nodes = [node("answer", "Relu", "picture"), node("aside", "Mystery", "picture"), placeholder(-1, 4, 4, 3)]
    OnnxSession(graph_model(tmp_path, nodes, {}))


def changed(files: ModelFiles, change: Callable[[dict[str, Any]], None]) -> None:
    model = json.loads(files.file.read_text())
    change(model)
    files.file.write_text(json.dumps(model))


def weight(model: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = model["weightsManifest"][0]["weights"][0]
    return entry


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda model: model.update(format="layers-model"), r"is not a TensorFlow\.js graph model.*format"),
        (lambda model: model.pop("signature"), r"is not a TensorFlow\.js graph model.*signature"),
        (lambda model: weight(model).update(shape=[4]), "weights that end within shift: their file is cut short"),
        (lambda model: weight(model).update(shape=[2**40, 2**40, 2**40]), "weights that end within shift"),
        (lambda model: weight(model).update(shape=[2]), "has 4 bytes of weights too many"),
        (lambda model: weight(model).update(shape=[-3]), r"weights\.0\.shape"),
        (lambda model: weight(model).update(dtype="complex64"), r"weights\.0\.dtype"),
        (lambda model: weight(model).update(quantization={"dtype": "uint8", "scale": 1, "min": 0}), "quantization"),
        (lambda model: model["weightsManifest"][0]["paths"].append("b.bin"), "keeps its weights in 2 files"),
        (lambda model: model["modelTopology"]["node"][1].update(input=["answer", "shift"]), "in a circle: answer"),
        (lambda model: model["modelTopology"]["node"][1].update(input=["nobody", "shift"]), "names nobody, which is"),
        (lambda model: model["signature"]["outputs"]["answer"].update(name="nothing"), "names nothing, which is not"),
        (lambda model: model["modelTopology"]["node"].append(placeholder(-1, 4, 4)), r"shape \[-1, 4, 4\]"),
        (lambda model: model["modelTopology"]["node"].append(placeholder(-1, 2, 4, 4)), r"shape \[-1, 2, 4, 4\]"),
        (lambda model: model["modelTopology"]["node"].append(placeholder(dtype="DT_INT32")), "that is not float32"),
        (lambda model: model["modelTopology"]["node"][1].update(input=["shift", "shift"]), "takes no input"),
    ],
)
def test_a_model_with_a_fault_is_refused_in_words(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    files = shifted(tmp_path)
    changed(files, change)
    with pytest.raises(ModelUnavailable, match=said) as raised:
        OnnxSession(files)
    assert raised.value.message.startswith(str(files.file))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"is not a TensorFlow\.js graph model"),
        (b"\x08\x07\x12", r"is not a TensorFlow\.js graph model"),
        (b'{"format":' + b"[" * 500_000, r"is not a TensorFlow\.js graph model"),
        (b" " * 2**21, "is larger than 1 MB"),
    ],
)
def test_a_file_that_is_no_such_json_is_refused_in_words(tmp_path: Path, content: bytes, said: str) -> None:
    files = shifted(tmp_path)
    files.file.write_bytes(content)
    with pytest.raises(ModelUnavailable, match=said):
        OnnxSession(files)


def test_two_pictures_are_one_too_many(tmp_path: Path) -> None:
    nodes = [
        placeholder(-1, 4, 4, 3),
        placeholder(-1, 4, 4, 3, name="other"),
        node("answer", "Add", "picture", "other"),
    ]
    with pytest.raises(ModelUnavailable, match="takes more than one input"):
        OnnxSession(graph_model(tmp_path, nodes, {}))


def test_a_graph_that_would_fill_the_memory_is_refused_in_a_process_of_its_own(tmp_path: Path) -> None:
    widths = np.array([[0, 0], [0, 2**30], [0, 8], [0, 0]])
    nodes = [placeholder(-1, 4, 4, 3), node("answer", "Pad", "picture", "widths")]
    with pytest.raises(ModelUnavailable, match=r"(?s)model\.json .*4 GiB of memory"):
        try_graph(graph_model(tmp_path, nodes, {"widths": widths}), (1, 3, 4, 4))
