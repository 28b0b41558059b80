"""What a JPEG or a PNG says of itself, without decoding a pixel: its size, how to turn it, and what decoding it takes.

The container is walked here, before a decoder sees it, and only what the pixels need is kept. Text, profiles,
thumbnails, comments and further frames never reach the decoder, so neither do the bombs hidden in them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from regard.errors import ImageTooLarge, InvalidImageFormat
from regard.media.jpeg_ending import scans_are_complete

#: Rekognition's limits on a side, in pixels ("Guidelines and quotas in Amazon Rekognition").
MIN_SIDE: Final = 80
MAX_SIDE: Final = 10_000
#: Holds every camera up to 64 megapixels.
MAX_PIXELS: Final = 1 << 26

#: Each scan of a progressive JPEG costs a pass over the whole picture (40 ms at MAX_PIXELS); encoders write about ten.
_MAX_SCANS: Final = 64
#: Pixels in all scans together: the largest picture may have 24 scans, and libjpeg writes 18 of one in CMYK.
_MAX_SCANNED_PIXELS: Final = 24 * MAX_PIXELS
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
_END: Final = b"\0\0\0\0IEND\xae\x42\x60\x82"
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
#: TIFF's whole numbers by their type, signed ones and those of BigTIFF too (TIFF 6.0, section 2).
_INTEGERS: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_PALETTE: Final = 3

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
class JpegHeader:
    """A JPEG: a stream with nothing in it but the first picture, its stored size, its EXIF orientation (1 to 8).

    `coefficient_bytes` is what libjpeg keeps of the whole picture while it reads scan after scan; 0 if there is one.
    `ended` is false for a stream without an end marker, which may lack more than that.
    """

    stream: bytes
    width: int
    height: int
    orientation: int
    components: int
    coefficient_bytes: int
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PngHeader:
    """A PNG: its stored size, its EXIF orientation (1 to 8), how its pixels are written, and the pieces of the
    compressed pixels. `head` is a PNG of the header, palette and transparency alone."""

    head: bytes
    pieces: tuple[memoryview, ...]
    width: int
    height: int
    orientation: int
    depth: int
    channels: int
    interlaced: bool


Header = JpegHeader | PngHeader


def read_header(data: bytes) -> Header:
    """Raises what `image_decoder.decode` raises for a header."""
    if data.startswith(b"\xff\xd8\xff"):
        return _walk_jpeg(data)
    if data.startswith(_PNG):
        return _walk_png(data)
    found = next((name for name, head in _OTHER_FORMATS.items() if re.match(head, data[:64], re.DOTALL)), None)
    raise invalid(f"found {found or 'an unknown format'}" if data else "the image is empty")


#: What to do about a picture that is none, for whoever sent it.
REMEDY: Final = "send a whole JPEG or PNG."


def invalid(reason: str) -> InvalidImageFormat:
    return InvalidImageFormat(f"{InvalidImageFormat.__doc__}: {reason}; {REMEDY}")


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE:
        raise ImageTooLarge(
            f"{ImageTooLarge.__doc__}: {width} × {height} pixels; the longer side may have at most {MAX_SIDE}."
        )
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(
            f"{ImageTooLarge.__doc__}: {width} × {height} is {width * height} pixels; at most {MAX_PIXELS} are read."
        )


# -- JPEG (ITU-T T.81, annex B) ----------------------------------------------------------------------------------


def _walk_jpeg(data: bytes) -> JpegHeader:
    parts, frame, orientation, start, end = [data[:2]], None, 1, 2, 2
    for marker, start, end in _segments(data):
        if marker in _FRAMES:
            if frame or end - start < 10:
                raise invalid("the JPEG's header is corrupt")
            frame = data[start + 1 : end]
        elif marker == 0xE1 and data.startswith(b"Exif\0\0", start + 4) and orientation == 1:
            orientation = _orientation(data[start + 10 : end])
        if marker in _PIXEL_MARKERS:
            parts.append(data[start:end])
    if frame is None:
        raise invalid("the JPEG's header is corrupt")
    height, width, components = struct.unpack_from(">HHB", frame, 4)
    _check_size(width, height)
    only_scan = frame[0] not in _PROGRESSIVE and data[start + 4 : start + 5] == bytes((components,))
    parts.append(data[end:] if only_scan else _scans(data, start, end, frame))
    return JpegHeader(
        stream=b"".join(parts),
        width=width,
        height=height,
        orientation=orientation,
        components=components,
        coefficient_bytes=0 if only_scan else _coefficient_bytes(frame, width, height),
        ended=data.find(b"\xff\xd9", end) >= 0,
    )


def _scans(data: bytes, first: int, start: int, frame: bytes) -> bytes:
    """What follows the first scan's header, to the end of the picture; that header begins at `first`."""
    height, width = struct.unpack_from(">HH", frame, 4)
    end = data.find(b"\xff\xd9", start)
    last = len(data) if end < 0 else end
    most = min(_MAX_SCANS, _MAX_SCANNED_PIXELS // (width * height))
    if data.count(b"\xff\xda", start, last) >= most:
        raise invalid(f"the JPEG has more than {most} scans")
    if end < 0 and not scans_are_complete(data[first:], frame[9::3]):
        raise invalid("the JPEG is truncated")
    return data[start : last + 2]


def _coefficient_bytes(frame: bytes, width: int, height: int) -> int:
    """Two bytes for each sample of each component, in whole blocks; `frame` holds their sampling factors (B.2.2)."""
    factors = [(byte >> 4 or 1, byte & 15 or 1) for byte in frame[10::3]]
    across, down = (max((each[axis] for each in factors), default=1) for axis in (0, 1))
    return sum(2 * (width * x // across + 64) * (height * y // down + 64) for x, y in factors)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The header's segments up to the first scan's: marker, start of the marker, end of the segment."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if not found or found[1] == b"\xd9":
            raise invalid("the JPEG is truncated")
        marker, body = found[1][0], found.end()
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # these stand alone
            position = body
            continue
        position = body + int.from_bytes(data[body : body + 2], "big")
        if not body + 2 <= position <= len(data):
            raise invalid("the JPEG is truncated")
        yield marker, found.start(), position
        if marker == _SCAN:
            return
    raise invalid(f"the JPEG has more than {_MAX_SEGMENTS} header segments")


def _orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, from an EXIF block (a TIFF header and directory); 1 if it does not say."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(order + "HHI", exif, entry)
            if tag == 0x0112:
                value = _integer(exif, order, entry + 8, kind, values)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1  # a broken EXIF block is no reason to refuse the picture
    return 1


def _integer(exif: bytes, order: str, place: int, kind: int, values: int) -> int:
    """The first value of an entry: at `place`, or where that points to if all its values are more than 4 bytes. 0 for
    what is no whole number."""
    code = order + _INTEGERS.get(kind, "x")
    if values * struct.calcsize(code) > 4 or struct.calcsize(code) > 4:
        (place,) = struct.unpack_from(order + "I", exif, place)
    return int(next(iter(struct.unpack_from(code, exif, place)), 0))


# -- PNG (ISO/IEC 15948) -----------------------------------------------------------------------------------------


def _walk_png(data: bytes) -> PngHeader:
    if len(data) < 33 or data[8:16] != b"\0\0\0\x0dIHDR":
        raise invalid("the PNG's header is corrupt")
    width, height, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    channels = _CHANNELS.get(colour, 1)
    # Pillow reads a transparent colour wrongly at 2, 4 and 16 bits; a palette's transparency it always reads right.
    wanted = {b"PLTE"} | ({b"tRNS"} if depth in (1, 8) or colour == _PALETTE else set())
    view, head, pieces, orientation, palette = memoryview(data), [data[:33]], [], 1, False
    for kind, start, end in _chunks(data):
        if kind == b"IDAT":
            pieces.append(view[start + 8 : end - 4])
        elif kind in wanted and not pieces:
            head.append(data[start:end])
            palette |= kind == b"PLTE"
        elif kind == b"eXIf":
            orientation = _orientation(data[start + 8 : end - 4].removeprefix(b"Exif\0\0"))
    _check_size(width, height)
    promised = height * (1 + (width * depth * channels + 7) // 8)
    if sum(map(len, pieces)) * _DEFLATE_RATIO < promised or (colour == _PALETTE and not palette):
        raise invalid("the PNG holds less than its header promises")
    return PngHeader(
        head=b"".join([*head, _END]),
        pieces=tuple(pieces),
        width=width,
        height=height,
        orientation=orientation,
        depth=depth,
        channels=channels,
        interlaced=interlace == 1,
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The chunks after the header, to the last: type, start, end."""
    position = 33
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            raise invalid("the PNG is truncated")
        length, kind = struct.unpack_from(">I4s", data, position)
        start, position = position, position + 12 + length
        if position > len(data):
            raise invalid("the PNG is truncated")
        yield kind, start, position
        if kind == b"IEND":
            return
    raise invalid(f"the PNG has more than {_MAX_CHUNKS} chunks")
