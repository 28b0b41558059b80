from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_keras import Hdf5Writer, keras_model, layer

from regard.vision.conversion.hdf5 import Hdf5File
from regard.vision.conversion.model_files import NotConvertible

ARRAY = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def written(folder: Path, array: np.ndarray = ARRAY, **options: bool) -> bytes:
    files = keras_model(folder, [layer("one", "ReLU")], {"one": {"kernel": array, "bias": array[0]}}, **options)
    return files.file.read_bytes()


def read(content: bytes) -> np.ndarray:
    return Hdf5File(content).array("model_weights/one/one/kernel:0")


@pytest.mark.parametrize("fixed", [True, False])
def test_arrays_and_texts_come_out_as_they_went_in(tmp_path: Path, fixed: bool) -> None:
    content = written(tmp_path, fixed=fixed)
    np.testing.assert_array_equal(read(content), ARRAY)
    np.testing.assert_array_equal(Hdf5File(content).array("model_weights/one/one/bias:0"), ARRAY[0])
    assert Hdf5File(content).text("keras_version") == "2.2.4-tf"
    assert Hdf5File(content).text("model_config").startswith('{"class_name": "Model"')


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    file = Hdf5File(written(tmp_path))
    for path in ("model_weights/two/two/kernel:0", "model_weights/one/one/kernel:0/more"):
        with pytest.raises(NotConvertible, match=f"has no {path}"):
            file.array(path)
    with pytest.raises(NotConvertible, match="has no data in model_weights/one"):
        file.array("model_weights/one")
    with pytest.raises(NotConvertible, match="has no colour"):
        file.text("colour")


def test_other_numbers_and_data_in_pieces_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotConvertible, match="as something else than float32"):
        read(written(tmp_path, ARRAY.astype(np.float64)))
    with pytest.raises(NotConvertible, match="in pieces or packed"):
        read(written(tmp_path, chunked=True))


@pytest.mark.parametrize("content", [b"", b"PK\3\4" * 100, b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n\2" + bytes(200)])
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(NotConvertible):
        Hdf5File(content).text("model_config")


def test_a_group_that_leads_back_to_itself_is_not_followed_for_ever() -> None:
    writer = Hdf5Writer()
    root = writer.group({"a": 0})
    tree = bytes(writer.content).index(b"TREE")
    writer.content[tree + 32 : tree + 40] = tree.to_bytes(8, "little")
    with pytest.raises(NotConvertible, match="goes round in a circle"):
        Hdf5File(writer.finished(root)).array("b")


def test_a_file_that_is_cut_short_anywhere_is_refused_in_words(tmp_path: Path) -> None:
    content = written(tmp_path)
    for end in range(0, len(content) - 1, 7):
        with pytest.raises(NotConvertible):
            _ = read(content[:end]), Hdf5File(content[:end]).text("model_config")


def test_no_change_of_a_byte_makes_it_fail_in_another_way(tmp_path: Path) -> None:
    content = written(tmp_path)
    random = np.random.default_rng(0)
    for _ in range(2000):
        damaged = bytearray(content)
        for place in random.integers(0, len(damaged), 3):
            damaged[place] = random.integers(256)
        try:
            file = Hdf5File(bytes(damaged))
            file.text("model_config")
            file.array("model_weights/one/one/kernel:0")
        except NotConvertible:
            pass
