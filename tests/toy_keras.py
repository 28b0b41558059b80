"""Tiny Keras models in HDF5, written as h5py writes them: the one other side of `vision/conversion/hdf5.py`."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from regard.vision.conversion.model_files import ModelFiles

_FLOAT32 = bytes.fromhex("11 20 1f 00 04 00 00 00 00 00 20 00 17 08 00 17 7f 00 00 00".replace(" ", ""))
_TEXT_OF_ANY_LENGTH = struct.pack("<BBBBI", 0x19, 1, 0, 0, 16) + struct.pack("<BBBBI", 0x10, 0, 0, 0, 1)


class Hdf5Writer:
    """Puts objects one after the other; each method gives the address of what it wrote."""

    def __init__(self) -> None:
        self.content = bytearray(96)

    def finished(self, root: int) -> bytes:
        head = b"\x89HDF\r\n\x1a\n" + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + struct.pack("<HHI", 4, 16, 0)
        head += struct.pack("<QQQQ", 0, 2**64 - 1, len(self.content), 2**64 - 1) + struct.pack(
            "<QQII16x", 0, root, 0, 0
        )
        self.content[: len(head)] = head
        return bytes(self.content)

    def put(self, some: bytes) -> int:
        self.content += bytes(-len(self.content) % 8)
        self.content += some
        return len(self.content) - len(some)

    def dataset(self, array: np.ndarray, *, chunked: bool = False) -> int:
        data = self.put(array.astype(array.dtype.newbyteorder("<")).tobytes())
        space = struct.pack("<BBB5x", 1, array.ndim, 0) + struct.pack(f"<{array.ndim}Q", *array.shape)
        kind = (
            _FLOAT32 if array.dtype == np.float32 else b"\x10\x08" + _FLOAT32[2:4] + struct.pack("<I", array.itemsize)
        )
        layout = struct.pack("<BBQQ", 3, 2 if chunked else 1, data, array.nbytes)
        return self.header([(1, space), (3, kind), (8, layout)])

    def group(self, members: Mapping[str, int], attributes: Sequence[tuple[int, bytes]] = ()) -> int:
        names, offsets = bytearray(8), []
        for name in members:
            offsets.append(len(names))
            names += name.encode() + b"\0"
        heap = self.put(b"HEAP" + bytes(4) + struct.pack("<QQQ", len(names), 2**64 - 1, self.put(bytes(names))))
        entries = b"".join(struct.pack("<QQ24x", *each) for each in zip(offsets, members.values(), strict=True))
        symbols = self.put(b"SNOD" + struct.pack("<BBH", 1, 0, len(members)) + entries)
        tree = self.put(b"TREE" + struct.pack("<BBHQQQQQ", 0, 0, 1, 2**64 - 1, 2**64 - 1, 0, symbols, 0))
        return self.header([(0x11, struct.pack("<QQ", tree, heap)), *attributes])

    def attribute(self, name: str, text: str, *, fixed: bool = False) -> tuple[int, bytes]:
        """A message that gives an object a text."""
        said = text.encode()
        if fixed:
            kind, data = struct.pack("<BBBBI", 0x13, 0, 0, 0, len(said)), said
        else:
            heap = self.put(
                b"GCOL" + struct.pack("<B3xQ", 1, 32 + len(said)) + struct.pack("<HH4xQ", 1, 1, len(said)) + said
            )
            kind, data = _TEXT_OF_ANY_LENGTH, struct.pack("<IQI", len(said), heap, 1)
        parts = (name.encode() + b"\0", kind, struct.pack("<BBB5x", 1, 0, 0))
        filled = b"".join(part + bytes(-len(part) % 8) for part in parts)
        return 0x0C, struct.pack("<BxHHH", 1, *map(len, parts)) + filled + data

    def header(self, messages: Sequence[tuple[int, bytes]]) -> int:
        """An object header whose last message stands in a continuation, as they do when one is added later."""
        *first, last = [_message(kind, data) for kind, data in messages]
        away = self.put(last)
        first.append(_message(0x10, struct.pack("<QQ", away, len(last))))
        block = b"".join(first)
        return self.put(struct.pack("<BxHII4x", 1, len(messages) + 1, 1, len(block)) + block)


def _message(kind: int, data: bytes) -> bytes:
    data += bytes(-len(data) % 8)
    return struct.pack("<HHB3x", kind, len(data), 0) + data


def layer(name: str, kind: str, *inputs: str, **settings: Any) -> dict[str, Any]:
    """One layer of a model's config, as Keras 2 writes it."""
    nodes = [[[each, 0, 0, {}] for each in inputs]] if inputs else []
    return {"name": name, "class_name": kind, "config": {"name": name, **settings}, "inbound_nodes": nodes}


def keras_model(
    folder: Path,
    layers: Sequence[dict[str, Any]],
    weights: Mapping[str, Mapping[str, Any]],
    *,
    fixed: bool = False,
    chunked: bool = False,
    **changed: Any,
) -> ModelFiles:
    """Write model.h5: `weights` by layer and name; the answer is the last layer's."""
    writer = Hdf5Writer()
    groups = {}
    for name, arrays in weights.items():
        sets = {
            f"{each}:0": writer.dataset(np.asarray(array, getattr(array, "dtype", np.float32)), chunked=chunked)
            for each, array in arrays.items()
        }
        groups[name] = writer.group({name: writer.group(sets)})
    config = {"name": "toy", "layers": list(layers), "output_layers": [[layers[-1]["name"], 0, 0]]}
    text = json.dumps({"class_name": "Model", "config": config} | changed)
    attributes = [writer.attribute("keras_version", "2.2.4-tf"), writer.attribute("model_config", text, fixed=fixed)]
    root = writer.group({"model_weights": writer.group(groups)}, attributes)
    file = folder / "model.h5"
    file.write_bytes(writer.finished(root))
    return ModelFiles(file, "keras")
