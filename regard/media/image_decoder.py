"""Bytes to upright RGB pixels: the only place that decodes an image.

What a header says is looked at first (`image_header`), so that what decoding takes is known beforehand. Then the pixels
come in bands, each reduced, turned and put in its place: there are never two copies of a large picture. Colour profiles
are ignored.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import PIL.Image
from PIL.Image import Transpose

from regard.domain.arrays import ByteArray
from regard.domain.images import Image
from regard.errors import InvalidParameter
from regard.media.image_header import MIN_SIDE, Header, JpegHeader, PngHeader, invalid, read_header
from regard.media.jpeg_ending import endings
from regard.media.png_bands import read_bands

#: A PNG of more pixels than this is halved where it may be: more would be held, and nothing more would be seen.
MOST_HELD_PIXELS: Final = 1 << 24
#: What decoding takes beside what grows with the picture: bands, buffers, tables.
_DECODER_BYTES: Final = 12 << 20
_BAND_ROWS: Final = 256

_UPRIGHT: Final = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
#: Orientations with which the first stored row comes last.
_BACKWARDS: Final = frozenset({3, 4, 6, 7})


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImage:
    """A picture whose header was read. `scale` is how many times smaller its sides will be decoded."""

    header: Header
    scale: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the decoded pixels, upright."""
        height, width = -(-self.header.height // self.scale), -(-self.header.width // self.scale)
        return (width, height) if self._sideways else (height, width)

    @property
    def pixel_bytes(self) -> int:
        """What the decoded pixels take."""
        return 3 * self.shape[0] * self.shape[1]

    @property
    def decoding_bytes(self) -> int:
        """The most that decoding takes at any moment, the pixels included."""
        header = self.header
        if isinstance(header, JpegHeader):
            whole = header.coefficient_bytes + self.pixel_bytes // 3 * (1 if header.components == 1 else 4)
        else:
            whole = 3 * header.width * header.height if header.interlaced else 0
        return self.pixel_bytes + whole + _DECODER_BYTES

    def decode(self) -> Image:
        """Raises InvalidImageFormat if the pixels are not whole."""
        pixels = np.empty((*self.shape, 3), np.uint8)
        self._fill(pixels)
        sides = self.header.width, self.header.height
        width, height = sides[::-1] if self._sideways else sides
        return Image(pixels=pixels, width=width, height=height)

    @property
    def _sideways(self) -> bool:
        return self.header.orientation >= 5

    def _fill(self, pixels: ByteArray) -> None:
        stored = pixels.swapaxes(0, 1) if self._sideways else pixels  # its first axis is that of the stored rows
        orientation, top = self.header.orientation, 0
        for band in self._bands():
            rows = slice(top, top + len(band))
            if orientation in _BACKWARDS:
                rows = slice(len(stored) - rows.stop, len(stored) - rows.start)
            upright = band
            if orientation in _UPRIGHT:
                upright = np.asarray(PIL.Image.fromarray(band).transpose(_UPRIGHT[orientation]))
            stored[rows] = upright.swapaxes(0, 1) if self._sideways else upright
            top += len(band)
            del band, upright  # so that the next band takes their memory

    def _bands(self) -> Iterator[ByteArray]:
        """The stored picture from top to bottom, in RGB, reduced."""
        kind = "JPEG" if isinstance(self.header, JpegHeader) else "PNG"
        try:
            if isinstance(self.header, JpegHeader):
                yield from _jpeg_bands(self.header, self.scale)
            else:
                yield from _png_bands(self.header, self.scale)
        except (OSError, SyntaxError, ValueError, zlib.error) as error:  # how Pillow and zlib say that data are bad
            raise invalid(f"the {kind} is truncated or corrupt") from error


def examine(data: bytes, *, longest: int | None = None, shortest: int = MIN_SIDE) -> EncodedImage:
    """Read the header. Raises what `decode` raises for one, and InvalidParameter for a side under `shortest`."""
    header = read_header(data)
    if min(header.width, header.height) < shortest:
        raise InvalidParameter(
            f"{InvalidParameter.__doc__}: the image is {header.width} × {header.height} pixels; "
            f"its shorter side must have at least {shortest}."
        )
    side, scale = max(header.width, header.height), 1
    if longest and isinstance(header, JpegHeader):
        scale = _reduction(side, longest)
    elif longest and header.width * header.height > MOST_HELD_PIXELS:
        scale = min(2, _reduction(side, longest))
    return EncodedImage(header=header, scale=scale)


def decode(data: bytes, *, longest: int | None = None) -> Image:
    """Decode a JPEG or a PNG, turned upright by its EXIF orientation.

    A JPEG is decoded at 1/2, 1/4 or 1/8 where its longest side then still has `longest` pixels; a PNG at 1/2, if it
    has more than MOST_HELD_PIXELS. Of an animation or a multi-picture file the first picture is taken. What is
    transparent is laid on white, as on a page: the colours hidden beneath could hold a face that no person sees. Of 16
    bits the upper 8 are kept.

    A JPEG that lacks nothing but its end marker is whole.

    Raises InvalidImageFormat for anything but a whole JPEG or PNG; ImageTooLarge for a side over MAX_SIDE or more than
    MAX_PIXELS, InvalidParameter for a side under MIN_SIDE: both from the header, before a pixel is decoded.
    """
    return examine(data, longest=longest).decode()


def _reduction(side: int, longest: int) -> int:
    """The largest of the reductions a JPEG decoder offers that leaves at least `longest` of `side` pixels."""
    return next((scale for scale in (8, 4, 2) if -(-side // scale) >= longest), 1)


def _jpeg_bands(header: JpegHeader, scale: int) -> Iterator[ByteArray]:
    if header.ended:
        yield from _stream_bands(header, header.stream, scale)
        return
    *others, last = (_stream_bands(header, stream, scale) for stream in endings(header.stream))
    digests = {_digest(bands) for bands in others}
    found = hashlib.blake2b()
    for band in last:
        found.update(band.tobytes())
        yield band
    if digests != {found.digest()}:
        raise invalid("the JPEG is truncated")


def _digest(bands: Iterator[ByteArray]) -> bytes:
    digest = hashlib.blake2b()
    for band in bands:
        digest.update(band.tobytes())
    return digest.digest()


def _stream_bands(header: JpegHeader, stream: bytes, scale: int) -> Iterator[ByteArray]:
    picture = PIL.Image.open(io.BytesIO(stream), formats=("JPEG",))
    if scale > 1:
        picture.draft(None, (header.width // scale, header.height // scale))
    if picture.size != (-(-header.width // scale), -(-header.height // scale)):
        raise invalid("the JPEG's header is corrupt")
    picture.load()
    for top in range(0, picture.height, _BAND_ROWS):
        yield np.asarray(_rgb(picture.crop((0, top, picture.width, min(top + _BAND_ROWS, picture.height)))))


def _png_bands(header: PngHeader, scale: int) -> Iterator[ByteArray]:
    for band in read_bands(header, _rgb, multiple=scale):
        yield np.asarray(PIL.Image.fromarray(band).reduce(scale)) if scale > 1 else band


def _rgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    """In RGB, what is transparent on white."""
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode in ("LA", "RGBA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        page = PIL.Image.new("RGB", picture.size, "white")
        page.paste(picture, mask=picture)
        return page
    return picture.convert("RGB")
