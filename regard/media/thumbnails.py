"""A picture made small, to be looked at."""

from __future__ import annotations

import io

import PIL.Image

from regard.domain.images import Image

_QUALITY = 85


def small(image: Image, longest: int) -> bytes:
    """A JPEG without anything else in it, whose longer side has `longest` pixels at most."""
    picture = PIL.Image.fromarray(image.pixels)
    picture.thumbnail((longest, longest), PIL.Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
