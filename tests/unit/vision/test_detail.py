from __future__ import annotations

import io

import numpy as np
import PIL.Image
import PIL.ImageFilter
import pytest
from skimage import data

from regard.domain.arrays import ByteArray
from regard.vision.images.detail import has_detail, is_in_focus

COLOURS = [(red, green, blue) for red in (0, 90, 255) for green in (0, 120, 255) for blue in (0, 150, 255)]


def as_jpeg(pixels: ByteArray, quality: int) -> ByteArray:
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(PIL.Image.open(buffer))


def enlarged(pixels: ByteArray, times: int) -> ByteArray:
    size = pixels.shape[1] * times, pixels.shape[0] * times
    return np.asarray(PIL.Image.fromarray(pixels).resize(size, PIL.Image.Resampling.BICUBIC))


@pytest.mark.parametrize("colour", COLOURS, ids=str)
def test_a_picture_of_one_colour_shows_nothing_nor_does_a_sensors_noise_upon_it(colour: tuple[int, int, int]) -> None:
    plain, random = np.full((300, 400, 3), colour, np.uint8), np.random.default_rng(0)
    assert not has_detail(plain)
    for strength in (2, 5, 12):
        noisy = np.clip(plain + random.normal(0, strength, plain.shape), 0, 255).astype(np.uint8)
        assert not has_detail(noisy)
        assert strength > 5 or not has_detail(as_jpeg(noisy, 75))


@pytest.mark.parametrize("side", [80, 300, 700, 1024])
def test_noise_shows_nothing_in_whatever_size_and_form(side: int) -> None:
    random = np.random.default_rng(1)
    coloured = random.integers(0, 256, (side, side, 3)).astype(np.uint8)
    grey = np.repeat(random.integers(0, 256, (side, side, 1)), 3, axis=2).astype(np.uint8)
    for picture in (coloured, grey, as_jpeg(coloured, 75), as_jpeg(grey, 75)):
        assert not has_detail(picture)
    assert side != 300 or not has_detail(enlarged(coloured, 3))


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_a_photograph_shows_something_dim_and_pale_and_small_too(name: str) -> None:
    picture = getattr(data, name)()
    for each in (picture, picture // 6, 200 + picture // 6, picture[::4, ::4], np.ascontiguousarray(picture[:, ::-1])):
        assert has_detail(each)


@pytest.mark.parametrize("name", ["brick", "grass", "gravel"])
def test_a_photograph_of_nothing_but_a_surface_shows_something(name: str) -> None:
    assert has_detail(np.repeat(getattr(data, name)()[..., None], 3, axis=2))


PHOTOGRAPHS = ["astronaut", "chelsea", "coffee", "rocket", "brick", "grass", "gravel"]


def blurred(pixels: ByteArray, part: float) -> ByteArray:
    """Out of focus by that part of the longer side."""
    filter_ = PIL.ImageFilter.GaussianBlur(part * max(pixels.shape))
    return np.asarray(PIL.Image.fromarray(pixels).convert("RGB").filter(filter_))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photograph_is_in_focus_large_and_small_and_sideways_until_it_is_blurred(name: str) -> None:
    picture = np.asarray(PIL.Image.fromarray(getattr(data, name)()).convert("RGB"))
    for each in (picture, enlarged(picture, 2), picture[::3, ::3], picture.transpose(1, 0, 2), as_jpeg(picture, 40)):
        assert is_in_focus(each)
        assert not is_in_focus(blurred(each, 1 / 30))


def test_light_that_only_fades_is_out_of_focus_and_one_edge_is_enough() -> None:
    fading = np.repeat(np.linspace(0, 255, 400).astype(np.uint8)[None, :, None], 300, axis=0).repeat(3, axis=2)
    assert not is_in_focus(fading)
    assert not is_in_focus(fading.transpose(1, 0, 2))
    edge = np.where(fading > 128, 255, 0).astype(np.uint8)
    assert is_in_focus(edge)
    assert is_in_focus(edge.transpose(1, 0, 2))


def test_the_smallest_arrays_are_taken() -> None:
    assert not is_in_focus(np.zeros((1, 1, 3), np.uint8))
    assert not has_detail(np.zeros((1, 1, 3), np.uint8))
    assert not has_detail(np.zeros((1, 80, 3), np.uint8))
    assert not has_detail(np.zeros((1, 3000, 3), np.uint8))
    assert not has_detail(np.zeros((3000, 3, 3), np.uint8))
