"""WebP, AVIF, TIFF and HEIC made into PNG, for files of a person at the command line.

A server reads what Rekognition reads, JPEG and PNG (`image_decoder`); these decoders are for files of one's own. HEIC
needs pi-heif, from the extra `heic`.
"""

from __future__ import annotations

import io
import struct
from typing import Final

import PIL.Image
from PIL import AvifImagePlugin, ImageOps, TiffImagePlugin, WebPImagePlugin, features

from regard.errors import ImageTooLarge, InvalidImageFormat
from regard.media.image_header import MAX_PIXELS, MAX_SIDE

#: Modes that PNG has too; the others are colours of print and video, which become RGB, and measurements.
_PNG_MODES: Final = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
_MEASUREMENTS: Final = frozenset({"F", "I"})
#: PNG is only a step here: the fastest compression.
_COMPRESSION: Final = 1
#: The ways in which decoders say that data are bad.
_FAULTS: Final = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, SyntaxError,
    TypeError, ValueError, struct.error,
)  # fmt: skip
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})


class NotReadHere(InvalidImageFormat):
    """Raised for a picture whose decoder is not installed; `format` is its name."""

    def __init__(self, kind: str, remedy: str) -> None:
        super().__init__(f"{InvalidImageFormat.__doc__}: found a picture in {kind}; {remedy}")
        self.format = kind


class DamagedPicture(InvalidImageFormat):
    """Raised for a WebP, AVIF, TIFF or HEIC that is truncated, corrupt, or no photograph."""


def converted(data: bytes) -> bytes:
    """`data` as `image_decoder.decode` reads it: the first picture of a WebP, AVIF, TIFF or HEIC, upright, as a PNG.

    Anything else is returned as it is. Raises NotReadHere, DamagedPicture, and ImageTooLarge by the header, before a
    pixel is decoded.
    """
    kind = _kind(data)
    if kind is None:
        return data
    try:
        picture = _opened(kind, data)
        _check_size(picture)
        picture.load()
        return _png(ImageOps.exif_transpose(picture))
    except PIL.Image.DecompressionBombError as error:
        raise ImageTooLarge(f"{ImageTooLarge.__doc__}: {error}") from error
    except _FAULTS as error:
        raise DamagedPicture(
            f"{InvalidImageFormat.__doc__}: the {kind} is truncated, corrupt or no photograph."
        ) from error


def _kind(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[4:8] != b"ftyp":
        return None
    size = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[place : place + 4] for place in range(16, size, 4))}
    return "AVIF" if brands & _AVIF_BRANDS else "HEIC" if brands & _HEIC_BRANDS else None


def _opened(kind: str, data: bytes) -> PIL.Image.Image:
    """The picture with its header read; by its own plugin, as `PIL.Image.open` would warn of large ones by itself."""
    stream = io.BytesIO(data)
    if kind == "HEIC":
        return _heic(stream)
    if kind == "TIFF":
        return TiffImagePlugin.TiffImageFile(stream)
    if kind == "WebP" and features.check("webp"):
        return WebPImagePlugin.WebPImageFile(stream)
    if kind == "AVIF" and features.check("avif"):
        return AvifImagePlugin.AvifImageFile(stream)
    raise NotReadHere(kind, "install a Pillow that reads it, or convert it to JPEG.")


def _heic(stream: io.BytesIO) -> PIL.Image.Image:
    try:
        import pi_heif  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise NotReadHere("HEIC", "run pip install 'regard[heic]', or convert it to JPEG.") from error
    found = pi_heif.open_heif(stream, convert_hdr_to_8bit=True)
    _check_size(found)
    picture: PIL.Image.Image = found.to_pillow()
    return picture


def _check_size(picture: PIL.Image.Image) -> None:
    width, height = picture.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise ImageTooLarge(
            f"{ImageTooLarge.__doc__}: {width} × {height} pixels; at most {MAX_SIDE} on a side and {MAX_PIXELS} in all."
        )


def _png(picture: PIL.Image.Image) -> bytes:
    if picture.mode in _MEASUREMENTS:
        raise ValueError(f"pixels of the mode {picture.mode} are no colours")
    if picture.mode not in _PNG_MODES:
        picture = picture.convert("RGBA" if picture.mode in ("PA", "La", "RGBa") else "RGB")
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=_COMPRESSION)
    return stream.getvalue()
