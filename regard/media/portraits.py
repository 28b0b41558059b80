"""Portraits for people who compare faces: a face's part of its picture, two of them side by side, and one that says
where it comes from."""

from __future__ import annotations

import io

import PIL.Image
from PIL import ImageDraw, ImageFont

from regard.domain.images import Box, Image
from regard.media import drawing

_QUALITY, _SMALL_QUALITY = 92, 85
_LONGEST_SIDE = 512
_SHOWN_SIDE, _MARGIN, _CAPTION = 512, 32, 48


def encoded(image: Image, box: Box, *, longest: int = _LONGEST_SIDE) -> bytes:
    """The face with some of what surrounds it, as a JPEG without anything else in it, `longest` pixels a side at
    most."""
    picture = drawing.portrait(image, box)
    picture.thumbnail((longest, longest), PIL.Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def smaller(portrait: bytes, longest: int) -> bytes:
    """A portrait as a JPEG of `longest` pixels a side at most."""
    picture = PIL.Image.open(io.BytesIO(portrait))
    picture.draft("RGB", (longest, longest))
    picture.thumbnail((longest, longest), PIL.Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=_SMALL_QUALITY)
    return buffer.getvalue()


def side_by_side(probe: bytes, candidate: bytes, number: int) -> drawing.Picture:
    """Two portraits at one size, to be compared."""
    width, height = 2 * _SHOWN_SIDE + 3 * _MARGIN, _SHOWN_SIDE + 2 * _MARGIN + _CAPTION
    sheet = PIL.Image.new("RGB", (width, height), drawing.PAPER[:3])
    for place, content in enumerate((probe, candidate)):
        picture = _opened(content)
        x = _MARGIN + place * (_SHOWN_SIDE + _MARGIN) + (_SHOWN_SIDE - picture.width) // 2
        sheet.paste(picture, (x, _MARGIN + (_SHOWN_SIDE - picture.height) // 2))
    caption = f"Pair {number}: is it the same person?"
    font = ImageFont.load_default(22)
    ImageDraw.Draw(sheet).text((_MARGIN, height - _CAPTION), caption, fill=drawing.INK, font=font, anchor="la")
    return sheet


def watermarked(portrait: bytes, lines: tuple[str, ...]) -> drawing.Picture:
    """A portrait with words across it and below it, which say where it comes from."""
    picture = _opened(portrait).convert("RGB")
    sheet = PIL.Image.new("RGB", (_SHOWN_SIDE, _SHOWN_SIDE + 28 * (len(lines) + 1)), drawing.PAPER[:3])
    sheet.paste(picture, ((_SHOWN_SIDE - picture.width) // 2, (_SHOWN_SIDE - picture.height) // 2))
    draw = ImageDraw.Draw(sheet, "RGBA")
    across = ImageFont.load_default(40)
    for y in range(_SHOWN_SIDE // 6, _SHOWN_SIDE, _SHOWN_SIDE // 3):
        draw.text((_SHOWN_SIDE / 2, y), lines[0], fill=(255, 255, 255, 130), font=across, anchor="mm")
    for row, line in enumerate(lines):
        below = ImageFont.load_default(18)
        draw.text((12, _SHOWN_SIDE + 14 + 28 * row), line, fill=drawing.INK, font=below, anchor="la")
    return sheet


def marked(portrait: bytes, lines: tuple[str, ...]) -> bytes:
    """The same as a JPEG."""
    buffer = io.BytesIO()
    watermarked(portrait, lines).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _opened(content: bytes) -> drawing.Picture:
    """A portrait as large as is shown."""
    picture: drawing.Picture = PIL.Image.open(io.BytesIO(content))
    scale = _SHOWN_SIDE / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, PIL.Image.Resampling.LANCZOS)
