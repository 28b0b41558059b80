from __future__ import annotations

import numpy as np
import PIL.Image
import pytest
from people import astronaut, nobody
from PIL import ImageFilter

from benchmarks.printed_pages import printed
from regard.domain.arrays import BoolArray, ByteArray
from regard.vision.images.named_colours import named_colours, nearest_colours
from regard.vision.images.picture_look import PictureLook

#: Of each plain colour one that nobody would call anything else.
PLAIN = {
    "red": (200, 20, 30), "pink": (255, 170, 190), "orange": (255, 140, 0), "yellow": (250, 240, 30),
    "brown": (120, 65, 25), "green": (40, 140, 40), "cyan": (60, 210, 205), "blue": (30, 60, 200),
    "purple": (130, 20, 140), "white": (253, 253, 253), "grey": (120, 120, 122), "black": (4, 3, 4),
}  # fmt: skip


def plain(colour: tuple[int, int, int], height: int = 90, width: int = 120) -> ByteArray:
    return np.full((height, width, 3), colour, np.uint8)


def left_half(shape: tuple[int, int]) -> BoolArray:
    part = np.zeros(shape, bool)
    part[:, : shape[1] // 2] = True
    return part


def luma(colour: tuple[int, int, int]) -> float:
    return float(np.dot(colour, [0.299, 0.587, 0.114]) / 255)


def blurred(pixels: ByteArray, radius: float) -> ByteArray:
    return np.asarray(PIL.Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def test_every_named_colour_is_found_by_its_own_name() -> None:
    known = named_colours()
    assert len(known.css) == len(set(known.css)) == 139
    assert set(known.plain) == set(PLAIN)
    assert known.css[int(nearest_colours(np.array([47, 79, 79], np.uint8)))] == "darkslategrey"
    names = [known.css[row] for row in nearest_colours(known.rgb)]
    assert np.mean([name == css for name, css in zip(names, known.css, strict=True)]) > 0.9


@pytest.mark.parametrize("name", PLAIN)
def test_a_picture_of_one_colour_has_that_colour_and_no_detail(name: str) -> None:
    look, known = PictureLook(plain(PLAIN[name])), named_colours()
    shares = look.colour_shares()
    assert known.plain[int(shares.argmax())] == name
    assert shares.max() == pytest.approx(1)
    brightness, sharpness = look.brightness_and_sharpness()
    assert brightness == pytest.approx(100 * luma(PLAIN[name]), abs=1)
    assert (sharpness, look.contrast()) == (0, 0)


def test_halves_have_half_each_and_a_part_has_only_its_own() -> None:
    picture = np.concatenate([plain(PLAIN["red"]), plain(PLAIN["blue"])], axis=1)
    look, known = PictureLook(picture), named_colours()
    shares = look.colour_shares()
    best = np.argsort(-shares)[:2]
    assert {known.plain[row] for row in best} == {"red", "blue"}
    np.testing.assert_allclose(shares[best], 0.5, atol=0.02)
    left = left_half(look.colour_shape)
    assert known.plain[int(look.colour_shares(left).argmax())] == "red"
    (bright, _), (dark, _) = look.of_part_and_rest(left_half(look.light_shape))
    assert bright == pytest.approx(100 * luma(PLAIN["red"]), abs=1)
    assert dark == pytest.approx(100 * luma(PLAIN["blue"]), abs=1)
    assert look.contrast() < 10  # red and blue are about as dark
    assert PictureLook(np.concatenate([plain(PLAIN["white"]), plain(PLAIN["black"])])).contrast() > 90


def test_blur_takes_sharpness_and_light_does_not() -> None:
    told = [PictureLook(blurred(astronaut(), radius)).brightness_and_sharpness()[1] for radius in (0, 1, 2, 4)]
    assert told == sorted(told, reverse=True)
    assert told[0] > told[1] + 10 > told[3] + 40
    dim = (astronaut() * 0.6).astype(np.uint8)
    brightness, sharpness = PictureLook(dim).brightness_and_sharpness()
    assert sharpness == pytest.approx(told[0], abs=6)
    assert brightness < PictureLook(astronaut()).brightness_and_sharpness()[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 2), (80, 9000)])
def test_any_shape_of_picture_has_a_look(shape: tuple[int, int]) -> None:
    look = PictureLook(nobody(*shape))
    assert look.colour_shares().sum() == pytest.approx(1, abs=1e-5)
    assert 0 <= look.brightness_and_sharpness()[0] <= 100
    every, _ = look.of_part_and_rest(np.ones(look.light_shape, bool))
    assert every == pytest.approx(look.brightness_and_sharpness())


def test_a_part_is_judged_as_if_it_were_the_picture_and_the_rest_as_a_part() -> None:
    crisp = astronaut()[:512, :512]
    look = PictureLook(np.concatenate([crisp, blurred(crisp, 3)], axis=1))
    left = left_half(look.light_shape)
    before, behind = look.of_part_and_rest(left)
    assert before == pytest.approx(PictureLook(crisp).brightness_and_sharpness(), abs=0.5)
    assert before[1] > behind[1] + 30
    assert look.of_part_and_rest(~left) == (pytest.approx(behind), pytest.approx(before))


@pytest.mark.parametrize("axis", [0, 1])
def test_contrast_is_the_same_for_stripes_of_any_width(axis: int) -> None:
    for width in (1, 2, 3, 7, 14, 50):
        luma = np.where(np.arange(1000) // width % 2, 200, 50).astype(np.uint8)
        stripes = np.repeat(np.expand_dims(luma, axis), 1000, axis=axis)
        assert PictureLook(np.stack([stripes] * 3, axis=-1)).contrast() == pytest.approx(100 * 150 / 255, abs=1), width


@pytest.mark.parametrize("size", [14, 28, 90])
def test_print_has_contrast_however_little_ink_there_is_and_however_the_page_is_turned(size: int) -> None:
    page = printed(size=size, width=1400, height=1000, words=60).pixels
    turns = [PictureLook(np.ascontiguousarray(np.rot90(page, turn))).contrast() for turn in range(4)]
    assert turns[0] > 8
    assert turns == [pytest.approx(turns[0], abs=0.5)] * 4
    faint = PictureLook((255 - (255 - page.astype(int)) * 0.3).astype(np.uint8)).contrast()
    assert faint == pytest.approx(0.3 * turns[0], abs=1)
    assert PictureLook(255 - page).contrast() == pytest.approx(turns[0], abs=0.5)
