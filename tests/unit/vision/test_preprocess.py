from __future__ import annotations

import numpy as np
import pytest

from regard.vision.cards import Input
from regard.vision.preprocess import Preprocess

PIXEL = np.array([[[[10, 20, 30]]]], np.uint8)


def preprocess(channels: str, mean: tuple[float, ...], std: tuple[float, ...]) -> Preprocess:
    return Preprocess(Input(width=0, height=0, channels=channels, mean=mean, std=std))


def test_channels_come_first_and_are_normalised() -> None:
    batch = preprocess("RGB", (1, 2, 3), (2, 4, 8))(PIXEL)
    assert batch.shape == (1, 3, 1, 1)
    assert batch.dtype == np.float32
    np.testing.assert_allclose(batch.ravel(), [4.5, 4.5, 3.375])


def test_mean_and_deviation_of_bgr_are_those_of_the_reversed_picture() -> None:
    np.testing.assert_allclose(preprocess("BGR", (1, 2, 3), (2, 4, 8))(PIXEL).ravel(), [14.5, 4.5, 0.875])


def test_grey_is_one_channel_of_luma() -> None:
    pictures = np.array([[[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]]], np.uint8)
    batch = preprocess("GREY", (6,), (10,))(pictures)
    assert batch.shape == (1, 1, 2, 2)
    np.testing.assert_allclose(batch.ravel(), [7, 14.4, 2.3, 24.9])


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_without_mean_and_deviation_pixels_are_as_they_were(channels: str) -> None:
    rows = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    batch = preprocess(channels, (0, 0, 0), (1, 1, 1))(rows)
    assert batch.flags.c_contiguous
    np.testing.assert_array_equal(batch.transpose(0, 2, 3, 1), rows if channels == "RGB" else rows[..., ::-1])


def test_the_side_is_the_cards_width() -> None:
    assert Preprocess(Input(width=48, height=48, channels="GREY", mean=(0,), std=(1,))).side == 48
