"""Formats of pictures by the suffixes of their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Suffixes of photographs. What a file is, its first bytes say; the suffix says that it is worth opening.
READ_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".mpo", ".png", ".apng"}
    | {".webp", ".avif", ".tif", ".tiff", ".heic", ".heif", ".hif"}
)  # fmt: skip

_RAW: Final = (
    ".3fr", ".arw", ".cr2", ".cr3", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf",
    ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
)  # fmt: skip
#: Suffix to format, of pictures that are not read.
UNREAD: Final[Mapping[str, str]] = {
    ".gif": "GIF",
    ".bmp": "BMP",
    ".dib": "BMP",
    ".jp2": "JPEG 2000",
    ".j2k": "JPEG 2000",
    ".jpf": "JPEG 2000",
    ".jpx": "JPEG 2000",
    ".jxl": "JPEG XL",
    ".jxr": "JPEG XR",
    ".psd": "Photoshop",
    ".psb": "Photoshop",
    ".svg": "SVG",
    ".tga": "TGA",
    ".pcx": "PCX",
    ".ppm": "PPM",
    ".pgm": "PPM",
    ".pbm": "PPM",
    ".exr": "OpenEXR",
    ".ico": "ICO",
    ".xcf": "GIMP",
} | dict.fromkeys(_RAW, "camera raw")
