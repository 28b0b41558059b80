from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest
from skimage import data

from regard.domain.arrays import ByteArray
from regard.vision.images.detail import has_detail

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


def test_the_smallest_arrays_are_taken() -> None:
    assert not has_detail(np.zeros((1, 1, 3), np.uint8))
    assert not has_detail(np.zeros((1, 80, 3), np.uint8))
    assert not has_detail(np.zeros((1, 3000, 3), np.uint8))
    assert not has_detail(np.zeros((3000, 3, 3), np.uint8))
