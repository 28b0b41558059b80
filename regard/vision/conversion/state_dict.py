"""Reads the arrays that PyTorch before 1.6 saved as a state dict, without PyTorch and without running anything.

Such a file is five pickles, of which the fourth maps names to tensors, and the last lists the storages that follow as
raw numbers. A pickle can call what it names; here it can name four things, none of which does anything but hold data.
"""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from regard.vision.conversion.model_files import NotConvertible

#: The first pickle, by which PyTorch knows its own (torch/serialization.py).
_MAGIC: Final = 0x1950A86A20F9469CFC6C
_STORAGES: Final[Mapping[str, np.dtype[Any]]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
#: What the pickle module raises for what is no pickle, or one of something else.
_FAULTS: Final = (
    pickle.UnpicklingError, EOFError, AttributeError, ImportError,
    IndexError, KeyError, OverflowError, TypeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Storage:
    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class _Tensor:
    """What a pickle says of a tensor: where its numbers start in a storage, counted in numbers, and its shape."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _Restricted(pickle.Unpickler):
    """Knows ordered dictionaries, tensors and their storages, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _STORAGES:
            return name
        raise NotConvertible(f"names {module}.{name}, which no state dict needs; it is not unpickled")

    def persistent_load(self, name: Any) -> _Storage:
        _, kind, key, *_ = name
        return _Storage(kind, key)


def read_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of a state dict by name. Raises NotConvertible."""
    file = BytesIO(content)
    try:
        if _Restricted(file).load() != _MAGIC:
            raise NotConvertible("is not a state dict that PyTorch before 1.6 saved")
        _Restricted(file).load()
        machine = _Restricted(file).load()
        tensors, keys = _Restricted(file).load(), _Restricted(file).load()
        if not machine["little_endian"]:
            raise NotConvertible("was saved on a machine with the larger byte first, which is not converted")
        storages = _storages(content[file.tell() :], tensors, keys)
        return {str(name): _array(name, tensor, storages) for name, tensor in tensors.items()}
    except NotConvertible:
        raise
    except _FAULTS as error:
        raise NotConvertible(f"is not a state dict that Regard reads: {error}") from error


def _storages(content: bytes, tensors: Mapping[str, _Tensor], keys: list[str]) -> dict[str, NDArray[Any]]:
    """The numbers of each storage: in the order of `keys`, each after their count."""
    kinds = {tensor.storage.key: _STORAGES[tensor.storage.kind] for tensor in tensors.values()}
    found, start = {}, 0
    for key in keys:
        count = int.from_bytes(content[start : start + 8], "little")
        end = start + 8 + count * kinds[key].itemsize
        if end > len(content):
            raise NotConvertible("is cut short: it names what lies beyond its end")
        found[key] = np.frombuffer(content, kinds[key], count, start + 8)
        start = end
    return found


def _array(name: str, tensor: _Tensor, storages: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    numbers, steps = storages[tensor.storage.key], list(zip(tensor.shape, tensor.strides, strict=True))
    last = tensor.offset + sum((length - 1) * step for length, step in steps)
    if not (0 <= tensor.offset <= last < len(numbers) and math.prod(tensor.shape) <= len(numbers)):
        raise NotConvertible(f"has a {name} that leaves its storage")
    if any(length < 1 or step < 0 for length, step in steps):
        raise NotConvertible(f"keeps {name} in an order that is not converted")
    size = numbers.itemsize
    return np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :], tensor.shape, [step * size for step in tensor.strides]
    ).copy()
