"""Bytes to upright RGB pixels: the only place that decodes an image.

The container is walked here, before the decoder sees it: the walk gives the size, the orientation and a stream holding
only what the pixels need. Text, profiles, thumbnails, comments and further frames never reach the decoder, so neither
do the bombs hidden in them. Colour profiles are ignored.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import PIL.Image
from PIL.Image import Transpose

from regard.domain.arrays import ByteArray
from regard.domain.images import Image
from regard.errors import ImageTooLarge, InvalidImageFormat, InvalidParameter

#: Rekognition's limits on a side, in pixels ("Guidelines and quotas in Amazon Rekognition").
MIN_SIDE: Final = 80
MAX_SIDE: Final = 10_000
#: Holds every camera up to 64 megapixels; the decoder then needs at most 256 MiB.
MAX_PIXELS: Final = 1 << 26

#: Each scan of a progressive JPEG costs a pass over the whole picture (40 ms at MAX_PIXELS); encoders write about ten.
_MAX_SCANS: Final = 64
_MAX_SEGMENTS: Final = 1_000
_MAX_CHUNKS: Final = 20_000
#: Deflate cannot expand its input more than this (zlib's "Technical Details").
_DEFLATE_RATIO: Final = 1_032

_MARKER: Final = re.compile(rb"\xff([\x01-\xfe])")
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_SCAN: Final = 0xDA
#: Frames, tables, the scan; and APP0 and APP14, where JFIF and Adobe say which colours the components are.
_PIXEL_MARKERS: Final = _FRAMES | {0xC4, 0xCC, 0xDB, 0xDD, _SCAN, 0xE0, 0xEE}
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PALETTE: Final = 3

_UPRIGHT: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}

_OTHER_FORMATS: Final = {
    "a GIF image": rb"GIF8",
    "a WebP image": rb"RIFF....WEBP",
    "a BMP image": rb"BM",
    "a TIFF image": rb"II\*\0|MM\0\*",
    "an AVIF image": rb"....ftypavi[fs]",
    "a HEIC image": rb"....ftyp(he|mi|ms)",
    "a JPEG 2000 image": rb"\0\0\0\x0cjP|\xff\x4f\xff\x51",
    "a JPEG XL image": rb"\0\0\0\x0cJXL|\xff\x0a",
    "a PDF document": rb"%PDF",
    "text": rb"(\xef\xbb\xbf)?[\t\n\r\x20-\x7e]+\Z",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What the walk found: a stream with nothing in it but pixels, their stored size, and how to turn them upright."""

    format: str
    stream: bytes
    width: int
    height: int
    orientation: int


def decode(data: bytes, *, longest: int | None = None) -> Image:
    """Decode a JPEG or a PNG, turned upright by its EXIF orientation.

    A JPEG is decoded at 1/2, 1/4 or 1/8 where its longest side then still has `longest` pixels; a PNG always whole.
    Of an animation or a multi-picture file the first picture is taken. What is transparent is laid on white, as on
    a page: the colours hidden beneath could hold a face that no person sees. Of 16 bits the upper 8
    are kept.

    Raises InvalidImageFormat for anything but a whole JPEG or PNG; ImageTooLarge for a side over MAX_SIDE or more than
    MAX_PIXELS, InvalidParameter for a side under MIN_SIDE: both from the header, before a pixel is decoded.
    """
    source = _walk(data)
    picture = _load(source, longest)
    if source.orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[source.orientation])
    sideways = source.orientation >= 5
    return Image(
        pixels=_pixels(picture),
        width=source.height if sideways else source.width,
        height=source.width if sideways else source.height,
    )


# -- what the bytes are ------------------------------------------------------------------------------------------


def _walk(data: bytes) -> _Source:
    if data.startswith(b"\xff\xd8\xff"):
        return _walk_jpeg(data)
    if data.startswith(_PNG):
        return _walk_png(data)
    found = next((name for name, head in _OTHER_FORMATS.items() if re.match(head, data[:64], re.DOTALL)), None)
    raise _invalid(f"found {found or 'an unknown format'}" if data else "the image is empty")


def _invalid(reason: str) -> InvalidImageFormat:
    return InvalidImageFormat(f"{InvalidImageFormat.__doc__}: {reason}; send a whole JPEG or PNG.")


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE:
        raise ImageTooLarge(
            f"{ImageTooLarge.__doc__}: {width} × {height} pixels; the longer side may have at most {MAX_SIDE}."
        )
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(
            f"{ImageTooLarge.__doc__}: {width} × {height} is {width * height} pixels; at most {MAX_PIXELS} are read."
        )
    if min(width, height) < MIN_SIDE:
        raise InvalidParameter(
            f"{InvalidParameter.__doc__}: the image is {width} × {height} pixels; "
            f"its shorter side must have at least {MIN_SIDE}."
        )


# -- JPEG (ITU-T T.81, annex B) ----------------------------------------------------------------------------------


def _walk_jpeg(data: bytes) -> _Source:
    parts, frame, orientation, start, end = [data[:2]], None, 1, 2, 2
    for marker, start, end in _segments(data):
        if marker in _FRAMES:
            if frame or end - start < 10:
                raise _invalid("the JPEG's header is corrupt")
            frame = (marker, *struct.unpack_from(">HHB", data, start + 5))
        elif marker == 0xE1 and data.startswith(b"Exif\0\0", start + 4) and orientation == 1:
            orientation = _orientation(data[start + 10 : end])
        if marker in _PIXEL_MARKERS:
            parts.append(data[start:end])
    if frame is None:
        raise _invalid("the JPEG's header is corrupt")
    marker, height, width, components = frame
    _check_size(width, height)
    only_scan = marker not in _PROGRESSIVE and data[start + 4 : start + 5] == bytes((components,))
    parts.append(data[end:] if only_scan else _scans(data, end))
    return _Source(format="JPEG", stream=b"".join(parts), width=width, height=height, orientation=orientation)


def _scans(data: bytes, start: int) -> bytes:
    """What follows the first scan's header, to the end of the picture."""
    end = data.find(b"\xff\xd9", start)
    if end < 0:
        raise _invalid("the JPEG is truncated")
    if data.count(b"\xff\xda", start, end) >= _MAX_SCANS:
        raise _invalid(f"the JPEG has more than {_MAX_SCANS} scans")
    return data[start : end + 2]


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The header's segments up to the first scan's: marker, start of the marker, end of the segment."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if not found or found[1] == b"\xd9":
            raise _invalid("the JPEG is truncated")
        marker, body = found[1][0], found.end()
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # these stand alone
            position = body
            continue
        position = body + int.from_bytes(data[body : body + 2], "big")
        if not body + 2 <= position <= len(data):
            raise _invalid("the JPEG is truncated")
        yield marker, found.start(), position
        if marker == _SCAN:
            return
    raise _invalid(f"the JPEG has more than {_MAX_SEGMENTS} header segments")


def _orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, from an EXIF block (a TIFF header and directory); 1 if it does not say."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", exif, entry)
            if tag == 0x0112:
                return value if value in _UPRIGHT else 1
    except struct.error:
        return 1  # a broken EXIF block is no reason to refuse the picture
    return 1


# -- PNG (ISO/IEC 15948) -----------------------------------------------------------------------------------------


def _walk_png(data: bytes) -> _Source:
    if len(data) < 33 or data[8:16] != b"\0\0\0\x0dIHDR":
        raise _invalid("the PNG's header is corrupt")
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    # Pillow reads a transparent colour wrongly at 2, 4 and 16 bits; a palette's transparency it always reads right.
    wanted = {b"PLTE", b"IDAT", b"IEND"} | ({b"tRNS"} if depth in (1, 8) or colour == _PALETTE else set())
    parts, compressed, orientation, palette = [data[:33]], 0, 1, False
    for kind, start, end in _chunks(data):
        if kind in wanted:
            parts.append(data[start:end])
        if kind == b"IDAT":
            compressed += end - start - 12
        elif kind == b"PLTE":
            palette = True
        elif kind == b"eXIf":
            orientation = _orientation(data[start + 8 : end - 4].removeprefix(b"Exif\0\0"))
    _check_size(width, height)
    promised = height * (1 + (width * depth * _CHANNELS.get(colour, 1) + 7) // 8)
    if compressed * _DEFLATE_RATIO < promised or (colour == _PALETTE and not palette):
        raise _invalid("the PNG holds less than its header promises")
    return _Source(format="PNG", stream=b"".join(parts), width=width, height=height, orientation=orientation)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The chunks after the header, to the last: type, start, end."""
    position = 33
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            raise _invalid("the PNG is truncated")
        length, kind = struct.unpack_from(">I4s", data, position)
        start, position = position, position + 12 + length
        if position > len(data):
            raise _invalid("the PNG is truncated")
        yield kind, start, position
        if kind == b"IEND":
            return
    raise _invalid(f"the PNG has more than {_MAX_CHUNKS} chunks")


# -- pixels ------------------------------------------------------------------------------------------------------


def _load(source: _Source, longest: int | None) -> PIL.Image.Image:
    try:
        picture = PIL.Image.open(io.BytesIO(source.stream), formats=(source.format,))
        if longest:
            scale = _reduction(max(source.width, source.height), longest)
            picture.draft(None, (source.width // scale, source.height // scale))
        return _rgb(picture)
    except (OSError, SyntaxError, ValueError) as error:  # the ways in which Pillow says that data are bad
        raise _invalid(f"the {source.format} is truncated or corrupt") from error


def _reduction(side: int, longest: int) -> int:
    """The largest of the reductions a JPEG decoder offers that leaves at least `longest` of `side` pixels."""
    return next((scale for scale in (8, 4, 2) if -(-side // scale) >= longest), 1)


def _rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    picture.load()
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode == "I;16":  # Pillow would clip it
        picture = PIL.Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("LA", "RGBA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        page = PIL.Image.new("RGB", picture.size, "white")
        page.paste(picture, mask=picture)
        return page
    return picture.convert("RGB")


def _pixels(picture: PIL.Image.Image, band: int = 256) -> ByteArray:
    """The picture as an array, in bands that stay in the cache: half the time of `np.asarray` on a large one."""
    pixels = np.empty((picture.height, picture.width, 3), np.uint8)
    for top in range(0, picture.height, band):
        bottom = min(top + band, picture.height)
        pixels[top:bottom] = np.asarray(picture.crop((0, top, picture.width, bottom)))
    return pixels
