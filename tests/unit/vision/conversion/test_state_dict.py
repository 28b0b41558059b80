"""State dicts as PyTorch before 1.6 wrote them, made here without it; and what such a file must not be able to do."""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regard.errors import ModelUnavailable
from regard.vision.conversion.model_files import ModelFiles, NotConvertible
from regard.vision.conversion.state_dict import read_arrays
from regard.vision.session import OnnxSession

MAGIC = 0x1950A86A20F9469CFC6C
MACHINE = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


class Storage:
    def __init__(self, kind: str, key: str, count: int) -> None:
        self.name = ("storage", Kind(kind), key, "cpu", count, None)


class Kind:
    """Pickled as the class of that name in the module torch."""

    def __init__(self, name: str) -> None:
        self.name = name


class Tensor:
    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments


class Pickler(pickle._Pickler):  # the one in Python: it can be told how to write a name that cannot be imported
    def persistent_id(self, found: Any) -> Any:
        return found.name if isinstance(found, Storage) else None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Kind):
            self.write(b"ctorch\n" + obj.name.encode() + b"\n")
        elif isinstance(obj, Tensor):
            self.write(b"ctorch._utils\n_rebuild_tensor_v2\n")
            self.save(obj.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)


def written(
    arrays: dict[str, np.ndarray], *, change: Any = None, machine: dict[str, Any] | None = None, cut: int = 0
) -> bytes:
    """The file of these arrays; `change` may alter a tensor's (storage, offset, shape, strides)."""
    tensors: OrderedDict[str, Tensor] = OrderedDict()
    for name, array in arrays.items():
        kind = "LongStorage" if array.dtype == np.int64 else "FloatStorage"
        strides = tuple(step // array.itemsize for step in array.strides)
        parts: tuple[Any, ...] = (Storage(kind, name, array.size), 0, array.shape, strides)
        tensors[name] = Tensor(*(change(*parts) if change else parts), False, OrderedDict())
    content = b"".join(pickle.dumps(each, 2) for each in (MAGIC, 1001, machine or MACHINE))
    content += dumped(tensors) + pickle.dumps(list(arrays), 2)
    for array in arrays.values():
        content += struct.pack("<q", array.size) + array.ravel(order="K").tobytes()
    return content[: len(content) - cut]


def dumped(found: Any) -> bytes:
    file = BytesIO()
    Pickler(file, 2).dump(found)
    return file.getvalue()


ARRAYS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "turned": np.arange(6, dtype=np.float32).reshape(3, 2).T,
    "count": np.array(7),
}


def test_arrays_come_back_by_name_in_whatever_order_their_numbers_lie() -> None:
    found = read_arrays(written(ARRAYS))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a state dict that Regard reads"),
        (b"PK\x03\x04", "is not a state dict that Regard reads"),
        (pickle.dumps(42), "is not a state dict that PyTorch before 1.6 saved"),
        (written(ARRAYS, cut=1), "is cut short"),
        (written(ARRAYS, machine={"little_endian": False}), "with the larger byte first"),
        (written(ARRAYS, machine={"byte": "order"}), "is not a state dict that Regard reads"),
        (written(ARRAYS, change=lambda s, o, shape, strides: (s, 1, shape, strides)), "leaves its storage"),
        (written(ARRAYS, change=lambda s, o, shape, strides: (s, -1, shape, strides)), "leaves its storage"),
        (written(ARRAYS, change=lambda s, o, shape, strides: (s, o, (2**40,), (0,))), "leaves its storage"),
        (written(ARRAYS, change=lambda s, o, shape, strides: (s, 2, (2, 2), (-1, 1))), "in an order that is not conv"),
        (written(ARRAYS, change=lambda s, o, shape, strides: (s, o, shape, strides[:0])), "that Regard reads|leaves"),
    ],
)
def test_a_file_that_is_no_state_dict_or_a_damaged_one_is_refused_in_words(content: bytes, said: str) -> None:
    with pytest.raises(NotConvertible, match=said):
        read_arrays(content)


def test_a_pickle_that_would_run_something_runs_nothing(tmp_path: Path) -> None:
    """Any pickle module of Python's would have made the file."""
    touched = tmp_path / "touched"
    evil = b"cos\nsystem\n(Vtouch " + str(touched).encode() + b"\ntR."
    with pytest.raises(NotConvertible, match=r"names os\.system"):
        read_arrays(pickle.dumps(MAGIC, 2) + evil)
    assert not touched.exists()


def test_a_state_dict_of_another_network_is_refused_by_the_first_weight_it_lacks(tmp_path: Path) -> None:
    file = tmp_path / "other.pth"
    file.write_bytes(written(ARRAYS))
    with pytest.raises(ModelUnavailable, match=r"other\.pth has no _conv_stem\.weight of float32"):
        OnnxSession(ModelFiles(file, "pytorch"))
