"""The file of a segment: written whole or not at all, mapped, checked, and overwritten where rows are forgotten.

A page describes it: JSON, its checksum, and the block of rows that is being changed. The arrays follow. A process may
be killed while it forgets rows: then that block does not fit its checksum, and `finish` forgets the rest of them. After
a power failure other pages may have come to the disk than those written first; what does not fit is damage then.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from regard.domain import ByteArray, FloatArray, HalfArray, IntArray

DEAD = -1
_FORMAT = 2
_PAGE = 4096
#: Where in the page the checksum of what is before it lies, and the block that is being changed.
_CHECKSUM, _CHANGING = _PAGE - 16, _PAGE - 8
_NONE = -1
#: Arrays begin at multiples of so many bytes.
_ALIGNED = 64
#: Rows under one checksum: a removal computes one anew.
_CHECKED_ROWS = 4096

Blank = Callable[[ByteArray, IntArray], None]


class DamagedSegment(Exception):
    """The file is not what was written, or was written for another codebook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file holds: `rows` rows of `width` numbers and `groups` codes, `odd` of them not coded.

    `oldest` and `newest`: which of its gallery's sealings. `first`: no key is below. `last`: up to this key none of the
    gallery is missing in this file and those before it.
    """

    codebook: str
    oldest: int
    newest: int
    first: int
    last: int
    rows: int
    odd: int
    groups: int
    width: int
    odd_sum: int = 0
    format: int = _FORMAT

    def parts(self) -> dict[str, tuple[str, int]]:
        """Each array of the file, in its order: the type and how many."""
        return {
            "sums": ("<u4", -(-self.rows // _CHECKED_ROWS)),
            "odd": ("<i8", self.odd),
            "keys": ("<i8", self.rows),
            "codes": ("u1", self.rows * self.groups // 2),
            "vectors": ("<f2", self.rows * self.width),
        }

    def places(self) -> dict[str, slice]:
        """The bytes of each array."""
        places, end = {}, _PAGE
        for name, (kind, count) in self.parts().items():
            start = _padded(end)
            end = start + np.dtype(kind).itemsize * count
            places[name] = slice(start, end)
        return places

    def size(self) -> int:
        return int(self.places()["vectors"].stop)

    def packed(self) -> bytes:
        """As the file's first page."""
        described = json.dumps(asdict(self)).encode().ljust(_CHECKSUM)
        return described + zlib.crc32(described).to_bytes(8, "little") + _NONE.to_bytes(8, "little", signed=True)


class SegmentFile:
    """The arrays of one file, mapped. `keys` of rows that are gone are DEAD."""

    def __init__(self, path: Path, codebook: str, *, writable: bool = True) -> None:
        """Where it is not writable, changes stay in memory. Raises DamagedSegment; what is damaged within the rows only
        `verify` finds."""
        self.path = path
        self._writable = writable
        try:
            self.header = _header(path, codebook)
            self._map = np.memmap(path, np.uint8, "r+" if writable else "c")
        except (OSError, ValueError, TypeError) as error:
            raise DamagedSegment(f"{path} cannot be read: {error}") from error
        if len(self._map) != self.header.size():
            raise DamagedSegment(f"{path} is {len(self._map)} bytes long, not {self.header.size()}")
        self._changing: IntArray = self._map[_CHANGING:_PAGE].view("<i8")
        places, kinds = self.header.places(), self.header.parts()
        views = {name: np.asarray(self._map[place]).view(kinds[name][0]) for name, place in places.items()}
        self._sums, self.odd, self.keys = views["sums"], views["odd"], views["keys"]
        self.codes: ByteArray = views["codes"]
        self.vectors: HalfArray = views["vectors"].reshape(self.header.rows, self.header.width)
        if zlib.crc32(self.odd.data) != self.header.odd_sum:
            raise DamagedSegment(f"{path} is damaged in its list of rows that are not coded")

    def verify(self) -> None:
        """Read all of it and compare the checksums. Raises DamagedSegment."""
        bad = [block for block in range(len(self._sums)) if self._sum(block) != self._sums[block]]
        if bad:
            raise DamagedSegment(f"{self.path} is damaged in {len(bad)} of {len(self._sums)} blocks of rows")

    def forget(self, rows: IntArray, blank: Blank) -> None:
        """Overwrite the keys, vectors and codes of these rows, on disk; `blank` does it for codes."""
        blocks = rows // _CHECKED_ROWS
        for block in np.unique(blocks).tolist():
            here = rows[blocks == block]
            self._changing[0] = block
            self.keys[here] = DEAD  # before the others: who reads a vector and then its key sees that it is gone
            self.vectors[here] = 0
            blank(self.codes, here)
            self._sums[block] = self._sum(block)
            self._changing[0] = _NONE
        if self._writable:
            self._map.flush()

    def finish(self, blank: Blank) -> None:
        """Go on with what a process that is gone began to forget; the journal has what it had not come to."""
        block = int(self._changing[0])
        if 0 <= block < len(self._sums):
            start = block * _CHECKED_ROWS
            self.forget(start + np.flatnonzero(self.keys[start:][:_CHECKED_ROWS] == DEAD), blank)
        self._changing[0] = _NONE

    def delete(self) -> None:
        """Remove the file; who has it mapped still reads it."""
        self.path.unlink(missing_ok=True)

    def _sum(self, block: int) -> int:
        return _sum(self.keys, self.codes, self.vectors, block)


def write(
    path: Path, header: Header, odd: IntArray, keys: IntArray, codes: ByteArray, vectors: FloatArray | HalfArray
) -> SegmentFile:
    """Store the arrays as `header` says, on disk before the file has its name. Raises OSError, and then nothing is
    left of it."""
    small, odd, keys = vectors.astype("<f2", copy=False), odd.astype("<i8"), keys.astype("<i8", copy=False)
    sums = np.array([_sum(keys, codes, small, block) for block in range(header.parts()["sums"][1])], "<u4")
    header = replace(header, odd_sum=zlib.crc32(odd.data))
    draft = path.with_suffix(".draft")
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as stream:
            stream.write(header.packed())
            for place, part in zip(header.places().values(), (sums, odd, keys, codes, small), strict=True):
                stream.write(bytes(place.start - stream.tell()))
                stream.write(np.ascontiguousarray(part).data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    synced(path.parent)
    return SegmentFile(path, header.codebook)


def synced(folder: Path) -> None:
    """What was renamed or removed in a folder is so after a power failure too."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def _header(path: Path, codebook: str) -> Header:
    with path.open("rb") as stream:
        page = stream.read(_PAGE)
    if len(page) < _PAGE or zlib.crc32(page[:_CHECKSUM]) != int.from_bytes(page[_CHECKSUM:_CHANGING], "little"):
        raise DamagedSegment(f"{path} has no header")
    header = Header(**json.loads(page[:_CHECKSUM]))
    if (header.format, header.codebook) != (_FORMAT, codebook):
        raise DamagedSegment(f"{path} was written for another codebook")
    return header


def _padded(end: int) -> int:
    return -(-end // _ALIGNED) * _ALIGNED


def _sum(keys: IntArray, codes: ByteArray, vectors: HalfArray, block: int) -> int:
    rows = slice(block * _CHECKED_ROWS, (block + 1) * _CHECKED_ROWS)
    a_row = len(codes) // max(1, len(keys))
    total = zlib.crc32(np.ascontiguousarray(keys[rows]).data)
    total = zlib.crc32(codes[rows.start * a_row : rows.stop * a_row].data, total)
    return zlib.crc32(np.ascontiguousarray(vectors[rows]).data, total)
