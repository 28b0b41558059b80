from __future__ import annotations

import io

import numpy as np
import PIL.Image
from people import astronaut, image

from regard.domain.images import Box
from regard.media import drawing
from regard.media.portraits import encoded, side_by_side, watermarked

FACE = Box(left=0.35, top=0.1, width=0.2, height=0.3)


def opened(content: bytes) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(content))


def test_a_portrait_is_the_face_and_a_little_around_it_and_nothing_else() -> None:
    picture = opened(encoded(image(astronaut()), FACE))
    assert picture.format == "JPEG"
    assert picture.size == (230, 230)  # one and a half times the longer side of its face
    assert not picture.getexif()


def test_a_large_face_is_made_smaller() -> None:
    large = np.asarray(PIL.Image.fromarray(astronaut()).resize((4096, 4096)))
    assert opened(encoded(image(large), FACE)).size == (512, 512)


def test_two_portraits_of_any_size_are_shown_at_one_size_with_the_pairs_number_and_no_more() -> None:
    small, wide = (
        encoded(image(astronaut()), FACE),
        encoded(image(astronaut()), Box(left=0, top=0, width=1, height=0.1)),
    )
    sheet = side_by_side(small, wide, 17)
    assert sheet.size == (1120, 624)
    same = side_by_side(small, wide, 17)
    assert sheet.tobytes() == same.tobytes()
    assert sheet.tobytes() != side_by_side(wide, small, 17).tobytes()


def test_a_watermark_lies_across_the_portrait_and_says_below_where_it_comes_from() -> None:
    portrait = encoded(image(astronaut()), FACE)
    plain, marked = watermarked(portrait, ("",)), watermarked(portrait, ("FROM A FACE SEARCH", "case-1"))
    assert marked.height > plain.height > 512
    across = np.asarray(marked)[:512] != np.asarray(plain)[:512]
    assert across.mean() > 0.01
    below = np.asarray(marked)[512:]
    assert (below != np.array(drawing.PAPER[:3])).any()
