from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from regard.domain.arrays import ByteArray
from regard.domain.faces import Faces
from regard.domain.images import Box, Image
from regard.errors import InvalidParameter
from regard.media.drawing import INK, MARK, PAPER, TILE, Candidate, annotate, line_up, save
from regard.media.image_decoder import decode

RED, BLUE, GREEN = (200, 30, 30), (30, 60, 200), (30, 160, 60)
#: Where `line_up` puts things: the corners and sides of the probe and of the first candidates.
PROBE, FIRST, SECOND = (56, 56, 464), (576, 56, 208), (812, 56, 208)


def plain(colour: tuple[int, int, int] = (120, 120, 120), width: int = 400, height: int = 300) -> Image:
    return Image(pixels=np.full((height, width, 3), colour, np.uint8), width=width, height=height)


def faces(*boxes: tuple[float, float, float, float]) -> Faces:
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    shape = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)], np.float32)
    points = rows[:, None, :2] + shape * rows[:, None, 2:]
    return Faces(boxes=rows, scores=np.ones(len(rows), np.float32), landmarks5=points)


def pixels(picture: PIL.Image.Image) -> ByteArray:
    return np.asarray(picture)


def thickness(picture: PIL.Image.Image, row: int) -> int:
    """How many pixels of the left half of a row have the colour of a box's line."""
    half = pixels(picture)[row, : picture.width // 2].astype(int)
    return int((np.abs(half - MARK[:3]).max(axis=-1) < 30).sum())


def with_a_face(colour: tuple[int, int, int], width: int = 300, height: int = 300) -> Image:
    """Grey, with a flat face a third as wide in the middle."""
    image = plain(width=width, height=height)
    image.pixels[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = colour
    return image


THIRD = Box(left=1 / 3, top=1 / 3, width=1 / 3, height=1 / 3)


def at(
    picture: PIL.Image.Image, place: tuple[int, int, int], across: float = 0.5, down: float = 0.5
) -> tuple[int, ...]:
    x, y, side = place
    return tuple(int(v) for v in pixels(picture)[y + int(down * side), x + int(across * side)])


# -- faces in their picture --------------------------------------------------------------------------------------


def test_a_face_gets_a_box_and_five_points_and_the_rest_of_the_picture_stays_as_it_was() -> None:
    image = plain()
    before = image.pixels.copy()
    drawn = pixels(annotate(image, faces((0.25, 0.2, 0.5, 0.6)), [""]))
    assert drawn.shape == image.pixels.shape
    assert (image.pixels == before).all()
    for y, x in ((150, 101), (150, 298), (61, 200), (238, 200)):
        assert np.abs(drawn[y, x].astype(int) - MARK[:3]).max() < 60
    for x, y in faces((0.25, 0.2, 0.5, 0.6)).landmarks5[0] * (400, 300):
        assert tuple(drawn[int(y), int(x)]) == PAPER[:3]
    assert (drawn[:50] == before[:50]).all()
    assert (drawn[:, :90] == before[:, :90]).all()
    assert (drawn[100:110, 150:160] == before[100:110, 150:160]).all()


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), MARK[:3], None], ids=str)
def test_a_caption_is_light_on_dark_whatever_is_behind_it(background: tuple[int, int, int] | None) -> None:
    image = plain(background or (0, 0, 0))
    if background is None:
        image.pixels[:] = np.random.default_rng(1).integers(0, 256, image.pixels.shape)
    bare = pixels(annotate(image, faces((0.3, 0.4, 0.4, 0.5)), [""])).astype(int)
    drawn = pixels(annotate(image, faces((0.3, 0.4, 0.4, 0.5)), ["Face 1"])).astype(int)
    changed = drawn[np.abs(drawn - bare).max(axis=-1) > 0] if background != (0, 0, 0) else drawn[90:120].reshape(-1, 3)
    brightness = changed.mean(axis=-1)
    assert (brightness < 75).sum() > 200
    assert (brightness > 240).sum() > 20


@pytest.mark.parametrize(
    "box",
    [
        (0.0, 0.0, 0.3, 0.4),
        (0.7, 0.6, 0.3, 0.4),
        (0.0, 0.0, 1.0, 1.0),
        (-0.2, -0.1, 0.5, 0.5),
        (0.8, 0.8, 0.5, 0.5),
        (0.5, 0.5, 0.0, 0.0),
    ],
)
def test_a_caption_stays_in_the_picture_wherever_the_face_is(box: tuple[float, float, float, float]) -> None:
    bare = pixels(annotate(plain(), faces(box), [""])).astype(int)
    drawn = pixels(annotate(plain(), faces(box), ["Face 1"])).astype(int)
    rows, columns = np.nonzero(np.abs(drawn - bare).max(axis=-1) > 20)
    assert np.ptp(rows) + 1 >= 12  # the plate's whole height
    assert np.ptp(columns) + 1 >= 30


def test_lines_grow_with_the_picture_and_shrink_with_the_face() -> None:
    large = annotate(plain(width=4000, height=3000), faces((0.25, 0.2, 0.5, 0.6)), [""])
    small = annotate(plain(), faces((0.25, 0.2, 0.5, 0.6)), [""])
    distant = annotate(plain(width=4000, height=3000), faces((0.25, 0.5, 0.02, 0.03)), [""])
    assert thickness(large, 1500) >= 8
    assert 1 <= thickness(small, 150) <= 3
    assert 2 <= thickness(distant, 1520) <= 8  # both sides of the box


def test_every_face_has_one_caption() -> None:
    with pytest.raises(ValueError, match="1 captions for 2 faces"):
        annotate(plain(), faces((0, 0, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5)), ["Face 1"])


def test_a_picture_without_faces_is_drawn_as_it_is() -> None:
    assert (pixels(annotate(plain(), faces(), [])) == plain().pixels).all()


@pytest.mark.parametrize(
    "text", ["two\nlines", "Zoë", "名前", "lone \ud800 surrogate", "x" * 500, " ", "tab\tand\0nul"]
)
def test_any_text_can_be_a_caption_or_a_name(text: str) -> None:
    annotate(plain(), faces((0.25, 0.25, 0.5, 0.5)), [text])
    line_up(plain(), THIRD, [Candidate(name=text, similarity=90, box=THIRD, picture=None)], caption=text)


# -- a probe beside its candidates -------------------------------------------------------------------------------


def test_the_probe_stands_larger_at_the_left_of_its_candidates_in_their_order() -> None:
    candidates = [
        Candidate(name="ann", similarity=99.9, box=THIRD, picture=with_a_face(BLUE)),
        Candidate(name="ben", similarity=91, box=THIRD, picture=with_a_face(GREEN)),
    ]
    sheet = line_up(with_a_face(RED), THIRD, candidates)
    assert [at(sheet, place) for place in (PROBE, FIRST, SECOND)] == [RED, BLUE, GREEN]
    reds = (pixels(sheet) == RED).all(axis=-1).sum()
    blues = (pixels(sheet) == BLUE).all(axis=-1).sum()
    assert reds > 4 * blues


def test_a_portrait_shows_a_little_more_than_the_face() -> None:
    sheet = line_up(with_a_face(RED), THIRD, [])
    assert [at(sheet, PROBE, across) for across in (0.1, 0.25, 0.75, 0.9)] == [(120,) * 3, RED, RED, (120,) * 3]


def test_a_picture_that_is_not_at_hand_leaves_a_plain_tile_and_its_neighbours_where_they_were() -> None:
    candidates = [
        Candidate(name="ann", similarity=99.9, box=THIRD, picture=None),
        Candidate(name="ben", similarity=91, box=THIRD, picture=with_a_face(GREEN)),
    ]
    sheet = line_up(with_a_face(RED), THIRD, candidates)
    assert at(sheet, FIRST, down=0.25) == TILE[:3]
    assert (pixels(sheet)[56 + 90 : 56 + 120, 576:784].min(axis=-1) < 120).sum() > 100  # words in its middle
    assert at(sheet, SECOND) == GREEN


def test_name_and_similarity_stand_under_a_candidate_and_similarity_is_never_rounded_up() -> None:
    def captions(name: str, similarity: float) -> ByteArray:
        sheet = line_up(plain(), THIRD, [Candidate(name=name, similarity=similarity, box=THIRD, picture=None)])
        return pixels(sheet)[264:340, 576:784]

    first = captions("ann", 99.94)
    assert first.min() <= max(INK[:3])
    assert (captions("ann", 99.99) == first).all()
    assert (captions("ann", 99.9) == first).all()
    assert (captions("ann", 100) != first).any()
    assert (captions("bob", 99.94) != first).any()


def test_the_sheet_grows_with_its_candidates_and_stands_without_any() -> None:
    one = Candidate(name="ann", similarity=90, box=THIRD, picture=with_a_face(BLUE))
    heights = [line_up(with_a_face(RED), THIRD, [one] * n).height for n in (0, 1, 8, 9, 50)]
    assert heights[0] == heights[1] <= heights[2] < heights[3] < heights[4]


@pytest.mark.parametrize("size", [(80, 800), (800, 80), (80, 80)])
@pytest.mark.parametrize(
    "box", [THIRD, Box(left=0, top=0, width=1, height=1), Box(left=0.9, top=-0.1, width=0.3, height=0)]
)
def test_a_face_of_any_shape_and_place_has_a_portrait(size: tuple[int, int], box: Box) -> None:
    image = plain(RED, *size)
    sheet = line_up(image, box, [Candidate(name="ann", similarity=90, box=box, picture=image)])
    assert at(sheet, PROBE) == at(sheet, FIRST) == RED


def test_the_same_input_draws_the_same_picture() -> None:
    def draw() -> bytes:
        candidates = [Candidate(name="ann", similarity=90, box=THIRD, picture=with_a_face(BLUE))]
        marked = annotate(plain(), faces((0.2, 0.2, 0.5, 0.5)), ["Face 1"])
        return marked.tobytes() + line_up(with_a_face(RED), THIRD, candidates).tobytes()

    assert draw() == draw()


# -- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "head"), [("a.jpg", b"\xff\xd8"), ("a.JPEG", b"\xff\xd8"), ("a.png", b"\x89PNG")])
def test_the_suffix_says_the_format(tmp_path: Path, name: str, head: bytes) -> None:
    drawn = annotate(plain(), faces((0.25, 0.25, 0.5, 0.5)), ["Face 1"])
    save(drawn, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(head)
    assert np.abs(decode((tmp_path / name).read_bytes()).pixels.astype(int) - pixels(drawn)).mean() < 2
    assert list(tmp_path.iterdir()) == [tmp_path / name]


@pytest.mark.parametrize("name", ["a.gif", "a", "a.jpg.txt"])
def test_another_suffix_is_refused_naming_those_that_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidParameter, match=r"\.jpg, \.jpeg, \.png"):
        save(annotate(plain(), faces(), []), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_saving_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"before")
    with pytest.raises(OSError, match="RGBA"):
        save(PIL.Image.new("RGBA", (10, 10)), tmp_path / "a.jpg")
    assert (tmp_path / "a.jpg").read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.jpg"]
