"""Reads what Keras keeps in an HDF5 file: arrays of float32 by path, and texts that hang on the root.

Of the format (HDF5 File Format Specification, version 3.0) this is what h5py writes unless told otherwise: superblock
0, groups as B-trees of symbols, object headers of version 1, contiguous data. Anything else is refused, as is whatever
points outside the file; nothing is followed twice, so no file is read without end.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.vision.conversion.model_files import NotConvertible

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ROOT_ENTRY = 56
# Types of messages in an object header (section IV.A.2), and classes of data (IV.A.2.d).
_DATASPACE, _DATATYPE, _LAYOUT, _ATTRIBUTE, _CONTINUATION, _SYMBOLS = 0x01, 0x03, 0x08, 0x0C, 0x10, 0x11
_FLOAT, _STRING, _VARIABLE = 1, 3, 9
_CONTIGUOUS = 1
#: An address that leads nowhere.
_UNDEFINED = 2**64 - 1


class Hdf5File:
    """The bytes of one file. Every method raises NotConvertible for what it does not find or cannot read."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        version, _, _, _, _, addresses, lengths = (*content[8:15], *bytes(7))[:7]
        if content[:8] != _SIGNATURE or (version, addresses, lengths) != (0, 8, 8):
            raise NotConvertible("is not an HDF5 file of the kind that Keras writes")
        self._root = self._unpack("<8xQ", _ROOT_ENTRY)[0]

    def text(self, name: str) -> str:
        """An attribute of the root."""
        for kind, start, _ in self._messages(self._root):
            if kind == _ATTRIBUTE and (found := self._attribute(start, name)) is not None:
                return found
        raise NotConvertible(f"has no {name}, so it is no model that Keras saved")

    def array(self, path: str) -> NDArray[np.float32]:
        """A data set of float32, by its path from the root."""
        header = self._root
        for step in path.split("/"):
            header = self._child(header, step, path)
        messages = {kind: start for kind, start, _ in self._messages(header)}
        if not messages.keys() >= {_DATASPACE, _DATATYPE, _LAYOUT}:
            raise NotConvertible(f"has no data in {path}")
        kind, bits, size = self._unpack("<BBxxI", messages[_DATATYPE])
        if (kind & 15, bits & 1, size) != (_FLOAT, 0, 4):
            raise NotConvertible(f"keeps {path} as something else than float32")
        shape = self._shape(messages[_DATASPACE])
        version, layout, address = self._unpack("<BBQ", messages[_LAYOUT])
        if (version, layout) != (3, _CONTIGUOUS):
            raise NotConvertible(f"keeps {path} in pieces or packed, which is not converted")
        content = self._bytes(address, math.prod(shape) * 4)
        try:
            return np.frombuffer(content, "<f4").reshape(shape)
        except ValueError:  # no bytes, or more axes than numpy has
            raise NotConvertible(f"has no data in {path}") from None

    def _shape(self, start: int) -> tuple[int, ...]:
        version, rank = self._unpack("<BB", start)
        return self._unpack(f"<{rank}Q", start + (8 if version == 1 else 4))

    def _child(self, header: int, name: str, path: str) -> int:
        """The object header of what a group calls `name`."""
        symbols = next((start for kind, start, _ in self._messages(header) if kind == _SYMBOLS), None)
        if symbols is not None:
            tree, heap = self._unpack("<QQ", symbols)
            names = self._unpack("<4s20xQ", heap)[1]
            for offset, child in self._symbols(tree):
                if self._name(names + offset) == name:
                    return child
        raise NotConvertible(f"has no {path}")

    def _symbols(self, tree: int) -> Iterator[tuple[int, int]]:
        """(where its name lies, its object header) of each member of a group."""
        waiting, seen = [tree], set()
        while waiting:
            node = waiting.pop()
            if node in seen:
                raise NotConvertible("has a group that goes round in a circle")
            seen.add(node)
            signature = self._bytes(node, 4)
            if signature == b"TREE":
                (used,) = self._unpack("<6xH", node)
                waiting += [self._unpack("<Q", node + 32 + 16 * child)[0] for child in range(used)]
            elif signature == b"SNOD":
                (used,) = self._unpack("<6xH", node)
                yield from (self._unpack("<QQ", node + 8 + 40 * entry) for entry in range(used))
            else:
                raise NotConvertible("has a group without its list of members")

    def _messages(self, header: int) -> Iterator[tuple[int, int, int]]:
        """(type, where, size) of each message of an object header, its continuations included."""
        version, count, length = self._unpack("<BxH4xI", header)
        if version != 1:
            raise NotConvertible("is an HDF5 file of a later kind than Keras writes")
        blocks, seen = [(header + 16, length)], set()
        while blocks:
            start, length = blocks.pop(0)
            if start in seen:
                raise NotConvertible("has an object that goes round in a circle")
            seen.add(start)
            end = start + length
            while start + 8 <= end and count:
                kind, size = self._unpack("<HH", start)
                if kind == _CONTINUATION:
                    blocks.append(self._unpack("<QQ", start + 8))
                yield kind, start + 8, size
                start, count = start + 8 + size, count - 1

    def _attribute(self, start: int, name: str) -> str | None:
        """The text of the attribute at `start`, if that is its name."""
        version, name_size, type_size, space_size = self._unpack("<BxHHH", start)
        place = start + (8 if version == 1 else 9)
        if self._name(place) != name:
            return None
        sizes = (name_size, type_size, space_size)
        if version == 1:  # each part is filled up to a multiple of eight bytes
            sizes = (-(-name_size // 8) * 8, -(-type_size // 8) * 8, -(-space_size // 8) * 8)
        kind, size = self._unpack("<B3xI", place + sizes[0])
        content = self._bytes(place + sum(sizes), size)
        if kind & 15 == _VARIABLE and size == struct.calcsize("<IQI"):
            length, collection, number = struct.unpack("<IQI", content)
            content = self._heap_object(collection, number)[:length]
        elif kind & 15 != _STRING:
            raise NotConvertible(f"has a {name} that is not text")
        try:
            return content.rstrip(b"\0").decode()
        except UnicodeDecodeError:
            raise NotConvertible(f"has a {name} that is not text") from None

    def _heap_object(self, collection: int, number: int) -> bytes:
        signature, size = self._unpack("<4s4xQ", collection)
        start, end = collection + 16, collection + size
        while signature == b"GCOL" and start + 16 <= end:
            found, length = self._unpack("<H6xQ", start)
            if found == number:
                return self._bytes(start + 16, length)
            start += 16 + -(-length // 8) * 8
        raise NotConvertible("has a text that is not where it should be")

    def _name(self, start: int) -> str:
        end = self._content.find(b"\0", start, start + 4096)
        return self._content[start : max(start, end)].decode(errors="replace")

    def _bytes(self, start: int, count: int) -> bytes:
        if start == _UNDEFINED or start + count > len(self._content):
            raise NotConvertible("is cut short: it names what lies beyond its end")
        return self._content[start : start + count]

    def _unpack(self, form: str, start: int) -> tuple[Any, ...]:
        return struct.unpack(form, self._bytes(start, struct.calcsize(form)))
