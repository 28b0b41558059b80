"""Images and places in them. Coordinates are ratios of the upright image's width and height: 0 to 1, and may leave the
image by a little."""

from __future__ import annotations

from dataclasses import dataclass

from regard.domain.arrays import ByteArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in ratios of the image's sides."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A decoded picture: `pixels` is H×W×3 RGB uint8, upright; `width` and `height` are the upright original's.

    `pixels` may be a scaled decode of the original.
    """

    pixels: ByteArray
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectName:
    """Where a stored image lies."""

    bucket: str
    name: str
    version: str | None = None
