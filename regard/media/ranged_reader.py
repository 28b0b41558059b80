"""An object read piece by piece, as a file that can be sought in: never whole, whatever its size."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable

#: The pieces: small after a jump, twice as large while reading goes straight on.
FIRST_BYTES, MOST_BYTES = 1 << 20, 4 << 20
#: Pieces kept: an index at one end of a file, and pictures and sound that lie apart from each other.
_KEPT = 4

#: The bytes from the first position up to, not including, the second.
Fetch = Callable[[int, int], bytes]


class RangedReader(io.RawIOBase):
    """A binary file of `size` bytes over `fetch`. For one thread at a time. What `fetch` raises comes through."""

    def __init__(self, fetch: Fetch, size: int, ended: Callable[[], None] = lambda: None) -> None:
        """`ended` is called once, when the reader is closed."""
        super().__init__()
        self.size = size
        self._fetch = fetch
        self._ended = ended
        self._at = 0
        self._pieces: OrderedDict[int, bytes] = OrderedDict()
        self._next_bytes, self._straight_on = FIRST_BYTES, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if at < 0:
            raise ValueError(f"there is no position {at}")
        self._at = at
        return at

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        if not len(buffer) or self._at >= self.size:
            return 0
        start, piece = self._piece()
        found = memoryview(piece)[self._at - start :][: len(buffer)]
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        left = max(0, self.size - self._at if size < 0 else min(size, self.size - self._at))
        found = bytearray(left)
        view = memoryview(found)
        while left and (count := self.readinto(view[len(found) - left :])):
            left -= count
        return bytes(found)

    def close(self) -> None:
        if not self.closed:
            self._pieces.clear()
            self._ended()
        super().close()

    def _piece(self) -> tuple[int, bytes]:
        """The piece that holds the current position, and where it begins."""
        for start, piece in self._pieces.items():
            if start <= self._at < start + len(piece):
                self._pieces.move_to_end(start)
                return start, piece
        start = self._at
        self._next_bytes = min(2 * self._next_bytes, MOST_BYTES) if start == self._straight_on else FIRST_BYTES
        piece = self._fetch(start, min(start + self._next_bytes, self.size))
        if not piece:
            raise EOFError(f"the object ends at {start} of {self.size} bytes")
        self._straight_on = start + len(piece)
        while len(self._pieces) >= _KEPT:
            self._pieces.popitem(last=False)
        self._pieces[start] = piece
        return start, piece
