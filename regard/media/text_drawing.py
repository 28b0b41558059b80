"""Pictures for people: lines of text marked where they were read, each with its number before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFont

from regard.domain.arrays import FloatArray
from regard.domain.images import Image
from regard.media.drawing import INK, MARK, PAPER, PLATE, Colour, Picture, shape

#: The least size of a number, in pixels, and its part of the height of the line.
_LEAST_SIZE: Final = 9.0
_SIZE_PART: Final = 0.7


def annotate_text(image: Image, corners: Sequence[FloatArray], captions: Sequence[str]) -> Picture:
    """`image` with an outline about each line, 4×2 corners in ratios of its sides, and its caption ("" for none)."""
    picture = PIL.Image.fromarray(image.pixels)
    line = min(max(1.5, max(picture.size) / 600), 5.0)
    places = [_grown(each * np.array(picture.size, np.float32), line + 1) for each in corners]
    for place in places:
        _trace(picture, place, INK, line + 1.5)
        _trace(picture, place, MARK, line)
    for place, caption in zip(places, captions, strict=True):
        if caption:
            _number(picture, place, caption)
    return picture


def _grown(corners: FloatArray, pixels: float) -> FloatArray:
    """The same quadrilateral with its corners moved outwards along both sides."""
    across, down = _unit(corners[1] - corners[0]), _unit(corners[3] - corners[0])
    moves = np.stack([-across - down, across - down, across + down, down - across])
    return np.asarray(corners + pixels * moves, np.float32)


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-6), np.float32)


def _trace(picture: Picture, corners: FloatArray, colour: Colour, line: float) -> None:
    """A closed line through the corners, smooth at its edges."""
    margin = math.ceil(line)
    left, top = (np.floor(corners.min(axis=0)).astype(int) - margin).tolist()
    right, bottom = (np.ceil(corners.max(axis=0)).astype(int) + margin).tolist()
    finer = 4 if max(right - left, bottom - top) <= 1_000 else 2
    mask = PIL.Image.new("L", ((right - left) * finer, (bottom - top) * finer))
    path = [((x - left) * finer, (y - top) * finer) for x, y in (*corners.tolist(), *corners[:2].tolist())]
    ImageDraw.Draw(mask).line(path, fill=colour[3], width=round(line * finer), joint="curve")
    picture.paste(colour[:3], (left, top, right, bottom), mask.reduce(finer))


def _number(picture: Picture, corners: FloatArray, caption: str) -> None:
    """White on a dark plate where the line begins, outside of it as far as the picture goes."""
    height = float(np.linalg.norm(corners[3] - corners[0]))
    size = max(_LEAST_SIZE, min(_SIZE_PART * height, max(picture.size) / 40))
    font = ImageFont.load_default(size)
    width, tall = font.getlength(caption) + 0.7 * size, 1.25 * size
    before = _unit(corners[0] - corners[1]) * (0.5 * width + 0.3 * size)
    x, y = ((corners[0] + corners[3]) / 2 + before).tolist()
    x = min(max(x, width / 2), picture.width - width / 2)
    y = min(max(y, tall / 2), picture.height - tall / 2)
    plate = x - width / 2, y - tall / 2, x + width / 2, y + tall / 2
    shape(picture, plate, PLATE, radius=0.3 * size)
    ImageDraw.Draw(picture).text((x, y), caption, fill=PAPER, font=font, anchor="mm")
