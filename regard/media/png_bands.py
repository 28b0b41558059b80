"""A PNG's pixels, some rows at a time, however large it is.

zlib inflates a few rows, Pillow takes their filters off and gives them their colours. A row is filtered by the one
above, so that the last of a band is put before the next, unfiltered. Of 16 bits the upper 8 are kept: filters work on
bytes, each with those at its own place in a pixel, so that the lower ones can be left out beforehand.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import PIL.Image
from PIL import ImagePalette

from regard.domain.arrays import ByteArray
from regard.media.image_header import PngHeader, invalid

#: Bytes in a band, about, as they are filtered or in RGB; the processor's cache holds them.
_BAND_BYTES: Final = 1 << 20
#: Compressed bytes that are inflated together: zlib copies what it leaves.
_PIECE_BYTES: Final = 1 << 16
#: Modes by bytes a pixel.
_MODES: Final = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
#: ISO/IEC 15948, section 8.2: left, top, step across and step down of each pass.
_ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

#: Lays what is transparent on white; takes any mode and the `info` of a picture.
ToRgb = Callable[[PIL.Image.Image], PIL.Image.Image]


def read_bands(png: PngHeader, to_rgb: ToRgb, multiple: int = 1) -> Iterator[ByteArray]:
    """The picture from top to bottom in RGB, in bands each of a multiple of `multiple` rows but for the last.

    An interlaced one is put together whole first, in 3 bytes a pixel. Raises what Pillow and zlib raise, and
    InvalidImageFormat for data that end too early.
    """
    reader = _Reader(png, to_rgb)
    if not png.interlaced:
        yield from reader.rows(png.width, png.height, multiple)
        return
    pixels = np.empty((png.height, png.width, 3), np.uint8)
    for left, top, across, down in _ADAM7:
        width, height = -(-(png.width - left) // across), -(-(png.height - top) // down)
        row = top
        for band in reader.rows(width, height, 1):
            pixels[row : row + len(band) * down : down, left::across] = band
            row += len(band) * down
    rows = _band_rows(3 * png.width, multiple)
    yield from (pixels[row : row + rows] for row in range(0, png.height, rows))


class _Reader:
    """Reads the rows of one PNG, pass after pass."""

    def __init__(self, png: PngHeader, to_rgb: ToRgb) -> None:
        self._header = PIL.Image.open(io.BytesIO(png.head), formats=("PNG",))
        self._to_rgb = to_rgb
        self._bits = png.depth * png.channels
        self._wide = png.depth == 16
        self._mode = _MODES[max(1, self._bits // 8 >> self._wide)]
        self._colours = self._table(png.depth) if png.channels == 1 else None
        self._inflater = _Inflater(png)

    def rows(self, width: int, height: int, multiple: int) -> Iterator[ByteArray]:
        """`height` rows of `width` pixels in bands, each N×width×3."""
        size = 1 + (width * self._bits + 7) // 8
        most = _band_rows(max(size, 3 * width), multiple)
        above = b""
        for top in range(0, height, most):
            filtered = self._inflater.take(min(most, height - top) * size)
            if self._wide:
                filtered = _upper_bytes(filtered, size)
            picture = self._unfiltered(above + filtered, size - 1 >> self._wide)
            above = b"\0" + picture.crop((0, picture.height - 1, picture.width, picture.height)).tobytes()
            yield self._coloured(picture, width)[1 if top else 0 :]

    def _unfiltered(self, rows: bytes, size: int) -> PIL.Image.Image:
        """The rows, each a filter's number and `size` bytes, as a picture of bytes."""
        shape = size // len(self._mode), len(rows) // (size + 1)
        return PIL.Image.frombytes(self._mode, shape, zlib.compress(rows, 0), "zip", self._mode, 0)

    def _coloured(self, picture: PIL.Image.Image, width: int) -> ByteArray:
        if self._colours is None:
            picture.info.update(self._header.info)
            return np.asarray(self._to_rgb(picture))
        values = np.asarray(picture)
        if self._bits < 8:
            shifts = np.arange(8 - self._bits, -1, -self._bits, dtype=np.uint8)
            values = (values[..., None] >> shifts & ((1 << self._bits) - 1)).reshape(len(values), -1)[:, :width]
        return np.asarray(self._colours[values])

    def _table(self, depth: int) -> ByteArray:
        """The colour of each value of one channel."""
        header, bits = self._header, min(depth, 8)
        values = np.arange(1 << bits, dtype=np.uint8)
        packed = np.packbits(np.unpackbits(values[:, None], axis=1)[:, 8 - bits :]).tobytes()
        kind = header.mode if header.mode in ("1", "P") else "L"
        raw = kind if bits == 8 or kind == "1" else f"{kind};{bits}"
        picture = PIL.Image.frombytes(kind, (len(values), 1), packed, "raw", raw)
        if header.palette is not None:
            picture.palette = ImagePalette.raw("RGB", header.palette.palette)
        picture.info.update(header.info)
        colours: ByteArray = np.asarray(self._to_rgb(picture))[0]
        return colours


class _Inflater:
    """Inflates the compressed pixels as far as they are wanted."""

    def __init__(self, png: PngHeader) -> None:
        self._pieces = (
            piece[start : start + _PIECE_BYTES] for piece in png.pieces for start in range(0, len(piece), _PIECE_BYTES)
        )
        self._zlib = zlib.decompressobj()
        self._left: bytes | memoryview = b""

    def take(self, size: int) -> bytes:
        """The next `size` bytes. Raises InvalidImageFormat if there are fewer."""
        parts, lacking = [], size
        while lacking:
            part = self._zlib.decompress(self._left, lacking)
            self._left = self._zlib.unconsumed_tail
            if not part and not len(self._left):
                self._left = next(self._pieces, b"")
                if not len(self._left) or self._zlib.eof:
                    raise invalid("the PNG is truncated")
            parts.append(part)
            lacking -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _band_rows(row_bytes: int, multiple: int) -> int:
    return multiple * max(1, _BAND_BYTES // (row_bytes * multiple))


def _upper_bytes(filtered: bytes, size: int) -> bytes:
    """Rows of `size` bytes with the filter's number and the first of every two bytes that follow."""
    rows = np.frombuffer(filtered, np.uint8).reshape(-1, size)
    upper = np.empty((len(rows), 1 + size // 2), np.uint8)
    upper[:, 0], upper[:, 1:] = rows[:, 0], rows[:, 1::2]
    return upper.tobytes()
