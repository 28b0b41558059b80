"""JPEG and PNG files made to order."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import PIL.Image

from regard.domain.arrays import ByteArray

CORNERS = {
    "top left": (250, 20, 30),
    "top right": (20, 240, 40),
    "bottom left": (30, 40, 230),
    "bottom right": (230,) * 3,
}
NEAR = 6  # what JPEG may change a flat colour by
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def quarters(width: int = 128, height: int = 96) -> ByteArray:
    """Four flat quarters, each of another colour: no turn or mirror leaves it the same."""
    pixels = np.empty((height, width, 3), np.uint8)
    middle, centre = height // 2, width // 2
    pixels[:middle, :centre], pixels[:middle, centre:] = CORNERS["top left"], CORNERS["top right"]
    pixels[middle:, :centre], pixels[middle:, centre:] = CORNERS["bottom left"], CORNERS["bottom right"]
    return pixels


def noise(width: int = 112, height: int = 84) -> ByteArray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


def encoded(pixels: ByteArray | PIL.Image.Image, kind: str = "JPEG", mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    options = {"quality": 95, "subsampling": 0, **options} if kind == "JPEG" else options
    picture = pixels if isinstance(pixels, PIL.Image.Image) else PIL.Image.fromarray(pixels)
    picture.convert(mode).save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int, order: str = "<") -> bytes:
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 2)
    entries = struct.pack(order + "HHIHH", 0x0100, 3, 1, 7, 0) + struct.pack(
        order + "HHIHH", 0x0112, 3, 1, orientation, 0
    )
    return b"Exif\0\0" + head + entries + bytes(4)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(  # every field a header can lie in
    width: int, height: int, depth: int, colour: int, rows: bytes, *, before: bytes = b"", interlace: int = 0
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    image = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + image + chunk(b"IEND", b"")


def flat_png(depth: int, colour: int, pixel: bytes, *, before: bytes = b"", side: int = 80) -> bytes:
    """Every pixel the same; `pixel` holds as many whole pixels as fill whole bytes."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = b"\0" + pixel * (side * depth * samples // 8 // len(pixel))
    return png(side, side, depth, colour, row * side, before=before)


def interlaced_png(pixels: ByteArray) -> bytes:
    rows = b""
    for x, y, across, down in ADAM7:
        rows += b"".join(b"\0" + row.tobytes() for row in pixels[y::down, x::across])
    return png(pixels.shape[1], pixels.shape[0], 8, 2, rows, interlace=1)


def assert_same(found: ByteArray, wanted: ByteArray, within: int = 0) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= within


@contextmanager
def at_most(mebibytes: float) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mebibytes * 2**20
    finally:
        tracemalloc.stop()


PALETTE = chunk(b"PLTE", bytes((200, 100, 50, 10, 20, 30, 90, 80, 70)))


def exif_entry(order: str, kind: int, code: str, orientation: int, values: int = 1) -> bytes:
    """An EXIF block whose only entry is the orientation, as a number of TIFF's type `kind`, inline if it fits."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, 1)
    content = struct.pack(order + code * values, *[orientation] * values)
    field, rest = (content.ljust(4, b"\0"), b"") if len(content) <= 4 else (struct.pack(order + "I", 26), content)
    return b"Exif\0\0" + head + struct.pack(order + "HHI", 0x0112, kind, values) + field + bytes(4) + rest
