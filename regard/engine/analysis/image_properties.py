"""How a picture looks: light, detail and colours, of all of it, of what is in front and of what is behind."""

from __future__ import annotations

from typing import Final

import numpy as np

from regard.domain.arrays import BoolArray, FloatArray
from regard.domain.images import Box
from regard.domain.labels import Colour, ImageProperties, Quality, Region
from regard.vision.images.named_colours import named_colours
from regard.vision.images.picture_look import PictureLook

#: A colour with a smaller share, in percent, is no dominant one.
_LEAST_PERCENT: Final = 2.0
#: Where nothing was found, the part of each side about the middle that is taken for the foreground: half of the area.
_MIDDLE: Final = 0.7


def image_properties(look: PictureLook, objects: FloatArray, most: int) -> ImageProperties:
    """`objects` are corner boxes N×4, in ratios, of what is in front; `most` is the highest number of colours."""
    brightness, sharpness = look.brightness_and_sharpness()
    quality = Quality(brightness=brightness, sharpness=sharpness, contrast=look.contrast())
    front = _mask(look.colour_shape, objects)
    before, behind = look.of_part_and_rest(_mask(look.light_shape, objects))
    return ImageProperties(
        whole=Region(quality=quality, colours=_colours(look.colour_shares(), most)),
        foreground=_region(look, front, before, most),
        background=_region(look, ~front, behind, most),
    )


def box_colours(look: PictureLook, box: Box, most: int) -> tuple[Colour, ...]:
    """The dominant colours of what is in a box."""
    height, width = look.colour_shape
    left, top = min(int(box.left * width), width - 1), min(int(box.top * height), height - 1)
    right, bottom = round((box.left + box.width) * width), round((box.top + box.height) * height)
    part = slice(max(0, top), max(top + 1, bottom)), slice(max(0, left), max(left + 1, right))
    return _colours(look.colour_shares(part), most)


def _region(look: PictureLook, part: BoolArray, light: tuple[float, float], most: int) -> Region | None:
    """None for a part without a pixel."""
    if not part.any():
        return None
    brightness, sharpness = light
    return Region(
        quality=Quality(brightness=brightness, sharpness=sharpness), colours=_colours(look.colour_shares(part), most)
    )


def _colours(shares: FloatArray, most: int) -> tuple[Colour, ...]:
    known = named_colours()
    best = np.argsort(-shares, kind="stable")[:most]
    return tuple(
        Colour(
            red=int(known.rgb[row, 0]),
            green=int(known.rgb[row, 1]),
            blue=int(known.rgb[row, 2]),
            css=known.css[row],
            plain=known.plain[row],
            percent=float(shares[row] * 100),
        )
        for row in best
        if shares[row] * 100 >= _LEAST_PERCENT
    )


def _mask(shape: tuple[int, int], objects: FloatArray) -> BoolArray:
    """H×W: true in the boxes, or in the middle if there are none."""
    edge = (1 - _MIDDLE) / 2
    boxes = objects if len(objects) else np.array([[edge, edge, 1 - edge, 1 - edge]], np.float32)
    mask = np.zeros(shape, bool)
    height, width = shape
    for left, top, right, bottom in boxes.tolist():
        rows, columns = slice(int(top * height), round(bottom * height)), slice(int(left * width), round(right * width))
        mask[rows, columns] = True
    return mask
