"""Pictures for people: objects marked where they were found, and under the picture what else is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import PIL.Image
from PIL import ImageDraw, ImageFont

from regard.domain.images import Image
from regard.domain.labels import Instance, Label
from regard.media.drawing import INK, PAPER, TILE, Picture, Rectangle, caption_plate, fitted, outline, rectangle, shape

#: Words under the picture, in rows of words on plates.
_MOST_ROWS: Final = 3
_SMALLEST_LETTERS: Final = 14


def annotate_labels(image: Image, labels: Sequence[Label]) -> Picture:
    """`image` at the size of its pixels with every instance's box, name and confidence, over the words for the rest.

    A face is not marked beside the person: of a label and its parents the parents' boxes are drawn.
    """
    picture = PIL.Image.fromarray(image.pixels)
    boxed = {label.name for label in labels if label.instances}
    drawn = [label for label in labels if label.instances and not boxed & set(label.parents)]
    found = [(_caption(label, one), one.box) for label in drawn for one in label.instances]
    # The largest first: a small box inside a large one is drawn over it.
    found.sort(key=lambda pair: -pair[1].width * pair[1].height)
    boxes = [rectangle(box, picture) for _, box in found]
    for box in boxes:
        outline(picture, box)
    taken: list[Rectangle] = []
    for row, (caption, _) in enumerate(found):
        others = boxes[:row] + boxes[row + 1 :]
        taken.append(caption_plate(picture, boxes[row], caption, taken, others=others))
    words = [f"{label.name} {label.confidence:.0f} %" for label in labels if label not in drawn]
    return _over(picture, words) if words else picture


def _caption(label: Label, one: Instance) -> str:
    """An object's name and how certain it is: one that is the only one of its label is as certain as that."""
    percent = label.confidence if len(label.instances) == 1 else one.confidence
    return f"{label.name} {percent:.0f} %"


def _over(picture: Picture, words: Sequence[str]) -> Picture:
    """The picture above a strip with the words, as many as there is room for."""
    size = max(_SMALLEST_LETTERS, round(max(picture.size) / 55))
    gap, font = size // 2, ImageFont.load_default(size)
    rows = list(_rows(words, picture.width - 2 * gap, gap, font))[:_MOST_ROWS]
    tall = size + 2 * gap
    sheet = PIL.Image.new("RGB", (picture.width, picture.height + len(rows) * (tall + gap) + gap), PAPER[:3])
    sheet.paste(picture, (0, 0))
    for number, row in enumerate(rows):
        top, left = picture.height + gap + number * (tall + gap), gap
        for word, width in row:
            shape(sheet, (left, top, left + width, top + tall), TILE, radius=tall / 2)
            ImageDraw.Draw(sheet).text((left + width / 2, top + tall / 2), word, fill=INK, font=font, anchor="mm")
            left += width + gap
    return sheet


def _rows(
    words: Sequence[str], room: int, gap: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> Iterator[list[tuple[str, int]]]:
    """The words with the widths of their plates, row by row."""
    row: list[tuple[str, int]] = []
    taken = 0
    for word in words:
        text = fitted(word, font, room - 2 * gap)
        width = min(room, round(font.getlength(text)) + 2 * gap)
        if row and taken + width > room:
            yield row
            row, taken = [], 0
        row.append((text, width))
        taken += width + gap
    if row:
        yield row
