"""Pictures for people: faces marked where they were found, and a probe beside its candidates.

The same input draws the same pixels. Text is set in Pillow's own typeface, which knows English: accents are dropped,
other letters become question marks.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import PIL.Image
from PIL import ImageDraw, ImageFont

from regard.domain.faces import Faces
from regard.domain.images import Box, Image
from regard.errors import InvalidParameter
from regard.files import SHARED, replace_file

Picture = PIL.Image.Image
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int, int]  # red, green, blue, opacity, 0..255
Rectangle = tuple[float, float, float, float]  # left, top, right, bottom in pixels

INK: Final[Colour] = (22, 27, 36, 255)
SHADOW: Final[Colour] = (22, 27, 36, 140)
PLATE: Final[Colour] = (22, 27, 36, 220)
MUTED: Final[Colour] = (98, 107, 122, 255)
PAPER: Final[Colour] = (255, 255, 255, 255)
TILE: Final[Colour] = (234, 237, 242, 255)
MARK: Final[Colour] = (94, 234, 212, 255)

_TYPEFACE: Final = frozenset(map(chr, range(32, 127))) | frozenset("©«°±·»‘’“”…‹›™")
_DASHES: Final = str.maketrans("‐‑–—−", "-----")
_FORMATS: Final = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}

#: The line-up's measures, in pixels.
_MARGIN: Final = 56
_GAP: Final = 28
_PROBE_SIDE: Final = 464
_TILE_SIDE: Final = 208
_COLUMNS: Final = 4
_CORNER_RADIUS: Final = 14
#: The most captions on top of each other.
_STACK: Final = 4
#: The most of a caption that may be in something else.
_MOST_SHARED: Final = 0.25
_CAPTION_HEIGHT: Final = 68
#: How much of a picture a portrait shows, in lengths of the face's longer side.
_PORTRAIT_RATIO: Final = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One tile of a line-up. `picture` is None if it cannot be read; `similarity` is 0..100."""

    name: str
    similarity: float
    box: Box
    picture: Image | None


def annotate(image: Image, faces: Faces, captions: Sequence[str]) -> Picture:
    """`image` at the size of its pixels, with each face's box, five landmarks and caption (one a face; "" for none)."""
    if len(captions) != len(faces):
        raise ValueError(f"{len(captions)} captions for {len(faces)} faces")
    picture = PIL.Image.fromarray(image.pixels)
    boxes = [rectangle(faces.box(row), picture) for row in range(len(faces))]
    for row, box in enumerate(boxes):
        outline(picture, box)
        for x, y in faces.landmarks5[row]:
            _dot(picture, float(x) * picture.width, float(y) * picture.height, max(1.5, _side(box) / 65))
    taken: list[Rectangle] = []
    for box, caption in zip(boxes, captions, strict=True):  # last, so that no box crosses a caption
        if caption:
            taken.append(caption_plate(picture, box, caption, taken))
    return picture


def line_up(probe: Image, box: Box, candidates: Sequence[Candidate], *, caption: str = "Probe") -> Picture:
    """The probe's face at the left, its candidates' in a grid beside it, in the order given."""
    rows = max(1, -(-len(candidates) // _COLUMNS))
    left = _MARGIN + _PROBE_SIDE + 2 * _GAP
    width = left + _COLUMNS * (_TILE_SIDE + _GAP) - _GAP + _MARGIN
    height = (
        2 * _MARGIN - _GAP + max(_PROBE_SIDE + _CAPTION_HEIGHT + _GAP, rows * (_TILE_SIDE + _CAPTION_HEIGHT + _GAP))
    )
    sheet = PIL.Image.new("RGB", (width, height), PAPER[:3])
    _tile(sheet, (_MARGIN, _MARGIN), _PROBE_SIDE, portrait(probe, box))
    _write(sheet, (_MARGIN, _MARGIN + _PROBE_SIDE + 16, _PROBE_SIDE), caption, size=26)
    for number, candidate in enumerate(candidates):
        x = left + number % _COLUMNS * (_TILE_SIDE + _GAP)
        y = _MARGIN + number // _COLUMNS * (_TILE_SIDE + _CAPTION_HEIGHT + _GAP)
        known = candidate.picture
        _tile(sheet, (x, y), _TILE_SIDE, None if known is None else portrait(known, candidate.box))
        _write(sheet, (x, y + _TILE_SIDE + 12, _TILE_SIDE), candidate.name, size=20)
        _write(sheet, (x, y + _TILE_SIDE + 40, _TILE_SIDE), _percent(candidate.similarity), size=18, colour=MUTED)
    if not candidates:
        _write(sheet, (left, _MARGIN, width - left), "No candidates", size=20, colour=MUTED)
    return sheet


def save(picture: Picture, path: Path) -> None:
    """Write a JPEG or a PNG, by the path's suffix; the file appears whole or not at all.

    Raises InvalidParameter for another suffix, OSError where the folder cannot be written to.
    """
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InvalidParameter(
            f"Cannot save a picture as {path.name or str(path)!r}: end its name in {', '.join(_FORMATS)}."
        )
    with replace_file(path, mode=SHARED) as file:
        picture.save(file, kind, quality=92)


# -- a face in its picture ---------------------------------------------------------------------------------------


def rectangle(box: Box, picture: Picture) -> Rectangle:
    """The box in the picture's pixels."""
    left, top = box.left * picture.width, box.top * picture.height
    return left, top, left + box.width * picture.width, top + box.height * picture.height


def _side(box: Rectangle) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def outline(picture: Picture, box: Rectangle) -> None:
    """A bright line within a dark one: one of the two shows on any background."""
    width = min(max(2.0, _side(box) / 70), max(2.0, max(picture.size) / 300))
    edge = max(1.0, width / 3)
    radius = _side(box) / 18
    left, top, right, bottom = box
    outer = left - edge, top - edge, right + edge, bottom + edge
    shape(picture, outer, SHADOW, radius=radius + edge, line=width + 2 * edge)
    shape(picture, box, MARK, radius=radius, line=width)


def _dot(picture: Picture, x: float, y: float, radius: float) -> None:
    for size, colour in ((radius * 1.5, INK), (radius, PAPER)):
        shape(picture, (x - size, y - size, x + size, y + size), colour, radius=size)


def caption_plate(
    picture: Picture,
    box: Rectangle,
    caption: str,
    taken: Sequence[Rectangle] = (),
    *,
    others: Sequence[Rectangle] = (),
) -> Rectangle:
    """White on a dark plate above the box; below it, inside it, or farther away, where the picture ends too soon, where
    something is `taken`, and where it would stand in one of the `others`. Returns the plate."""
    size = round(min(max(12.0, _side(box) / 7), max(12.0, max(picture.size) / 55)))
    pad, gap = size * 0.45, size * 0.4
    font = ImageFont.load_default(size)
    text = fitted(caption, font, min(max(2 * (box[2] - box[0]), 10 * size), picture.width - 2 * pad))
    width, height = font.getlength(text) + 2 * pad, size + 1.4 * pad
    places = list(_places(picture, box, (width, height), gap))
    free = [place for place in places if not any(_meet(place, other) for other in taken)]
    plate = min(free, key=lambda place: _strangeness(place, box, others), default=places[0])
    shape(picture, plate, PLATE, radius=size * 0.3)
    middle = (plate[0] + plate[2]) / 2, (plate[1] + plate[3]) / 2
    ImageDraw.Draw(picture).text(middle, text, fill=PAPER, font=font, anchor="mm")
    return plate


def _places(picture: Picture, box: Rectangle, size: tuple[float, float], gap: float) -> Iterator[Rectangle]:
    """Where a plate of that width and height can be, the best first; at each height in the middle, and at the ends."""
    width, height = size
    above, below = box[1] - gap - height, box[3] + gap
    inner = max(0.0, box[1] + gap), max(0.0, min(box[3], picture.height) - gap - height)
    steps = [step * (height + 2) for step in range(1, _STACK)]
    away = [top for step in steps for top in (above - step, below + step)]
    outer, farther = ([top for top in tops if 0 <= top <= picture.height - height] for tops in ((above, below), away))
    for top in (*outer, *inner, *farther):
        for left in ((box[0] + box[2] - width) / 2, box[0], box[2] - width):
            inside = min(max(0.0, left), max(0.0, picture.width - width))
            yield round(inside), round(top), round(inside + width), round(top + height)


def _strangeness(place: Rectangle, box: Rectangle, others: Sequence[Rectangle]) -> int:
    """How much a plate there would seem to name something else. Where nothing else is, not at all; then comes its own
    box, with whatever is in it, and then a place farther away."""
    alone = all(_shared(place, other) <= _MOST_SHARED for other in others)
    if max(box[1] - place[3], place[1] - box[3]) > place[3] - place[1]:
        return 2 if alone else 3
    return 0 if alone else 1 if _meet(place, box) else 3


def _shared(plate: Rectangle, other: Rectangle) -> float:
    """The part of a plate that is in another rectangle."""
    across, down = (max(0.0, min(plate[i + 2], other[i + 2]) - max(plate[i], other[i])) for i in (0, 1))
    return across * down / max(1.0, (plate[2] - plate[0]) * (plate[3] - plate[1]))


def _meet(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


# -- tiles -------------------------------------------------------------------------------------------------------


def portrait(image: Image, box: Box) -> Picture:
    """The face with some of what surrounds it, square unless the picture is too narrow."""
    whole = PIL.Image.fromarray(image.pixels)
    left, top, right, bottom = rectangle(box, whole)
    side = max(1.0, _side((left, top, right, bottom)) * _PORTRAIT_RATIO)
    width, height = min(side, whole.width), min(side, whole.height)
    x = min(max(0.0, (left + right - width) / 2), whole.width - width)
    y = min(max(0.0, (top + bottom - height) / 2), whole.height - height)
    return whole.crop((int(x), int(y), int(x) + max(1, int(width)), int(y) + max(1, int(height))))


def _tile(sheet: Picture, corner: tuple[int, int], side: int, portrait: Picture | None) -> None:
    x, y = corner
    square = x, y, x + side, y + side
    shape(sheet, square, TILE, radius=_CORNER_RADIUS)
    if portrait is None:
        middle, font = (x + side / 2, y + side / 2), ImageFont.load_default(18)
        ImageDraw.Draw(sheet).text(middle, "picture not at hand", fill=MUTED, font=font, anchor="mm")
        return
    scale = side / max(portrait.size)
    size = max(1, round(portrait.width * scale)), max(1, round(portrait.height * scale))
    fill = PIL.Image.new("RGB", (side, side), TILE[:3])
    fill.paste(portrait.resize(size, PIL.Image.Resampling.LANCZOS), ((side - size[0]) // 2, (side - size[1]) // 2))
    sheet.paste(fill, corner, _mask((side, side), (0, 0, side, side), radius=_CORNER_RADIUS))


# -- shapes and text ---------------------------------------------------------------------------------------------


def shape(picture: Picture, box: Rectangle, colour: Colour, *, radius: float, line: float | None = None) -> None:
    """A rectangle with round corners, smooth at its edges: filled, or a line of that width inside `box`."""
    left, top = int(box[0]) - 1, int(box[1]) - 1
    size = int(box[2] - left) + 2, int(box[3] - top) + 2
    inside = box[0] - left, box[1] - top, box[2] - left, box[3] - top
    *solid, opacity = colour
    mask = _mask(size, inside, radius=radius, line=line).point([value * opacity // 255 for value in range(256)])
    picture.paste(tuple(solid), (left, top, left + size[0], top + size[1]), mask)


def _mask(size: tuple[int, int], box: Rectangle, *, radius: float, line: float | None = None) -> Picture:
    """The same shape as coverage, 0..255; drawn larger and reduced, because Pillow draws without smoothing."""
    finer = 4 if max(size) <= 1_000 else 2 if max(size) <= 2_500 else 1
    mask = PIL.Image.new("L", (size[0] * finer, size[1] * finer))
    left, top, right, bottom = (round(value * finer) for value in box)
    corners = left, top, max(left, right - 1), max(top, bottom - 1)
    draw = ImageDraw.Draw(mask)
    if line is None:
        draw.rounded_rectangle(corners, radius * finer, fill=255)
    else:
        draw.rounded_rectangle(corners, radius * finer, outline=255, width=round(line * finer))
    return mask.reduce(finer)


def _percent(similarity: float) -> str:
    """Rounded down: 99.97 is not 100."""
    return f"{math.floor(similarity * 10 + 1e-6) / 10:.1f} %"


def _write(sheet: Picture, place: tuple[int, int, int], text: str, *, size: int, colour: Colour = INK) -> None:
    """A line at `place`: its left, its top, the width it may take."""
    left, top, width = place
    font = ImageFont.load_default(size)
    ImageDraw.Draw(sheet).text((left, top), fitted(text, font, width), fill=colour, font=font, anchor="la")


def can_write(text: str) -> bool:
    """Whether the typeface has every letter of it."""
    return set(_letters(text)) <= _TYPEFACE


def _letters(text: str) -> str:
    """`text` in one line, with accents dropped."""
    letters = unicodedata.normalize("NFKD", " ".join(text.translate(_DASHES).split()))
    return "".join(c for c in letters if not unicodedata.combining(c))


def fitted(text: str, font: Font, width: float) -> str:
    """One line of `text`, cut with an ellipsis where it is wider than `width`."""
    line = "".join(c if c in _TYPEFACE else "?" for c in _letters(text))
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…"
