"""The file of a segment: written whole or not at all, mapped, checked, and overwritten where rows are forgotten.

A page describes it: JSON, its checksum, and the block of rows that is being changed. The arrays follow. Each block of
rows has two checksums: one of its keys, codes and error codes, which a start reads anyway, one of its vectors, which
are most of the file. A process may be killed while it forgets rows: then that block does not fit its checksums, and
`finish` forgets the rest of them. After a power failure other pages may have come to the disk than those written first;
what does not fit is damage then.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray, HalfArray, IntArray
from regard.index.exact_search import TOMBSTONE

_FORMAT = 5
_PAGE_BYTES = 4096
#: Where in the page the checksum of what is before it lies, and the block that is being changed.
_CHECKSUM, _CHANGING = _PAGE_BYTES - 16, _PAGE_BYTES - 8
_NO_BLOCK = -1
#: Arrays begin at multiples of this.
_ALIGNED_BYTES = 64
#: Rows under one checksum: a removal computes it again, in 0.1 ms at 192 numbers a row.
_CHECKED_ROWS = 256
#: Rows that are copied and written at once: 12 MiB at 192 numbers a row.
STEP_ROWS = 1 << 15

Blank = Callable[[ByteArray, IntArray], None]


class Vectors(Protocol):
    """Rows of K numbers that need not lie in memory together; none beyond their end."""

    def __getitem__(self, rows: slice, /) -> HalfArray | FloatArray: ...


class DamagedSegment(Exception):
    """The file is not what was written, or was written for another codebook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file holds: `rows` rows of `width` numbers and `groups` codes.

    `oldest` and `newest`: which of its gallery's sealings. `first`: no key is below. `last`: up to this key none of the
    gallery is missing in this file and those before it.
    """

    codebook: str
    oldest: int
    newest: int
    first: int
    last: int
    rows: int
    groups: int
    width: int
    format: int = _FORMAT

    def parts(self) -> dict[str, tuple[str, int]]:
        """Each array of the file, in its order: the type and how many."""
        blocks = -(-self.rows // _CHECKED_ROWS)
        return {
            "sums": ("<u4", blocks),
            "vector_sums": ("<u4", blocks),
            "keys": ("<i8", self.rows),
            "codes": ("u1", self.rows * self.groups // 2),
            "error_codes": ("u1", self.rows),
            "vectors": ("<f2", self.rows * self.width),
        }

    def places(self) -> dict[str, slice]:
        """The bytes of each array."""
        places, end = {}, _PAGE_BYTES
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
        return described + zlib.crc32(described).to_bytes(8, "little") + _NO_BLOCK.to_bytes(8, "little", signed=True)


class SegmentFile:
    """The arrays of one file, mapped. `keys` of rows that are gone are TOMBSTONE."""

    def __init__(self, path: Path, codebook: str, *, writable: bool = True) -> None:
        """Where it is not writable, changes stay in memory. Raises DamagedSegment; what is damaged within the rows only
        `verify` and `damaged` find."""
        self.path = path
        self._writable = writable
        self._dirty = False
        try:
            self.header = _header(path, codebook)
            self._map = np.memmap(path, np.uint8, "r+" if writable else "c")
        except (OSError, ValueError, TypeError) as error:
            raise DamagedSegment(f"{path} cannot be read: {error}") from error
        if len(self._map) != self.header.size():
            raise DamagedSegment(f"{path} is {len(self._map)} bytes long, not {self.header.size()}")
        self._changing: IntArray = self._map[_CHANGING:_PAGE_BYTES].view("<i8")
        places, kinds = self.header.places(), self.header.parts()
        views = {name: np.asarray(self._map[place]).view(kinds[name][0]) for name, place in places.items()}
        self._sums, self._vector_sums = views["sums"], views["vector_sums"]
        self.keys: IntArray = views["keys"]
        self.codes: ByteArray = views["codes"]
        self.error_codes: ByteArray = views["error_codes"]
        self.vectors: HalfArray = views["vectors"].reshape(self.header.rows, self.header.width)

    @property
    def blocks(self) -> int:
        return len(self._sums)

    def verify(self, *, vectors: bool = True) -> None:
        """Read the keys, codes and vectors and compare their checksums. Raises DamagedSegment."""
        bad = [block for block in range(self.blocks) if self._sum(block) != self._sums[block]]
        bad += [block for block in range(self.blocks) if vectors and self.damaged(block)]
        if bad:
            raise DamagedSegment(f"{self.path} is damaged in {len(bad)} of {2 * self.blocks} places")

    def damaged(self, block: int) -> bool:
        """Whether the vectors of a block do not fit their checksum. While rows of it are forgotten they may not."""
        return self._vector_sum(block) != int(self._vector_sums[block])

    def rows_of(self, block: int) -> slice:
        return slice(block * _CHECKED_ROWS, min((block + 1) * _CHECKED_ROWS, self.header.rows))

    def forget(self, rows: IntArray, blank: Blank) -> None:
        """Overwrite the keys, vectors, codes and error codes of these rows; `blank` does it for codes. It is on the
        disk after `flush`; a process that is killed before that loses nothing."""
        blocks = rows // _CHECKED_ROWS
        for block in np.unique(blocks).tolist():
            # What was damaged and not found yet stays so: a new checksum would fit the damage.
            self._overwrite(block, rows[blocks == block], blank, damaged=self.damaged(block))

    def _overwrite(self, block: int, rows: IntArray, blank: Blank, *, damaged: bool) -> None:
        self._changing[0] = block
        self.keys[rows] = (
            TOMBSTONE  # before the others: a search that reads a vector and then its key sees that it is gone
        )
        self.vectors[rows] = 0
        self.error_codes[rows] = 0
        blank(self.codes, rows)
        self._sums[block] = self._sum(block)
        self._vector_sums[block] = self._vector_sum(block) ^ damaged
        self._changing[0] = _NO_BLOCK
        self._dirty = True

    def mend(self, block: int) -> None:
        """Make a damaged block whole of which every row has been forgotten."""
        self.vectors[self.rows_of(block)] = 0
        self._vector_sums[block] = self._vector_sum(block)
        self._dirty = True

    def flush(self) -> None:
        """What was forgotten is on the disk then."""
        if self._dirty and self._writable:
            self._dirty = False
            self._map.flush()

    def finish(self, blank: Blank) -> None:
        """Go on with what a process that is gone began to forget; what it had not come to is deleted again."""
        block = int(self._changing[0])
        if 0 <= block < self.blocks:
            rows = self.rows_of(block)
            self._overwrite(block, rows.start + np.flatnonzero(self.keys[rows] == TOMBSTONE), blank, damaged=False)
        self._changing[0] = _NO_BLOCK

    def publish(self, path: Path) -> None:
        """Give a draft its name. Raises OSError."""
        self.path.replace(path)
        self.path = path

    def delete(self) -> None:
        """Remove the file; a process that has it mapped still reads it."""
        self.path.unlink(missing_ok=True)

    def _sum(self, block: int) -> int:
        return _sum(self.keys, self.codes, self.error_codes, self.rows_of(block))

    def _vector_sum(self, block: int) -> int:
        return zlib.crc32(self.vectors[self.rows_of(block)].data)


def write(
    draft: Path, header: Header, keys: IntArray, coded: tuple[ByteArray, ByteArray], vectors: Vectors
) -> SegmentFile:
    """Store the arrays as `header` says, `coded` being codes and error codes; they are on the disk when this returns.
    What lies under a TOMBSTONE key is stored as zeros. Raises OSError, and then nothing is left of it."""
    keys, (codes, error_codes) = keys.astype("<i8", copy=False), coded
    blocks = [slice(start, start + _CHECKED_ROWS) for start in range(0, header.rows, _CHECKED_ROWS)]
    sums = np.array([_sum(keys, codes, error_codes, rows) for rows in blocks], "<u4")
    places, vector_sums = header.places(), []
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as stream:
            stream.write(header.packed())
            for name, part in (("sums", sums), ("keys", keys), ("codes", codes), ("error_codes", error_codes)):
                stream.seek(places[name].start)
                stream.write(np.ascontiguousarray(part).data)
            stream.seek(places["vectors"].start)
            for some in _steps(header, keys, vectors):
                stream.write(some.data)
                vector_sums += [zlib.crc32(some[at:][:_CHECKED_ROWS].data) for at in range(0, len(some), _CHECKED_ROWS)]
            stream.seek(places["vector_sums"].start)
            stream.write(np.array(vector_sums, "<u4").data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return SegmentFile(draft, header.codebook)


def _steps(header: Header, keys: IntArray, vectors: Vectors) -> Iterator[HalfArray]:
    """Copies, for what they are made of may change under a checksum."""
    for start in range(0, header.rows, STEP_ROWS):
        some = np.zeros((min(STEP_ROWS, header.rows - start), header.width), "<f2")
        given = vectors[start : start + STEP_ROWS]
        some[: len(given)] = given
        some[keys[start : start + STEP_ROWS] == TOMBSTONE] = 0
        yield some


def _header(path: Path, codebook: str) -> Header:
    with path.open("rb") as stream:
        page = stream.read(_PAGE_BYTES)
    if len(page) < _PAGE_BYTES or zlib.crc32(page[:_CHECKSUM]) != int.from_bytes(page[_CHECKSUM:_CHANGING], "little"):
        raise DamagedSegment(f"{path} has no header")
    try:
        header = Header(**json.loads(page[:_CHECKSUM]))
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedSegment(f"{path} has a header that cannot be read") from error
    if (header.format, header.codebook) != (_FORMAT, codebook):
        raise DamagedSegment(f"{path} was written for another codebook")
    return header


def _padded(end: int) -> int:
    return -(-end // _ALIGNED_BYTES) * _ALIGNED_BYTES


def _sum(keys: IntArray, codes: ByteArray, error_codes: ByteArray, rows: slice) -> int:
    a_row = len(codes) // max(1, len(keys))
    total = zlib.crc32(np.ascontiguousarray(keys[rows]).data)
    total = zlib.crc32(codes[rows.start * a_row : rows.stop * a_row].data, total)
    return zlib.crc32(error_codes[rows].data, total)
