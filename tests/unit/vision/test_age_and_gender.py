from __future__ import annotations

import numpy as np
import pytest
from test_face_attributes import BOX, Scripted, ramp

from regard.domain.arrays import FloatArray
from regard.vision.cards import Input
from regard.vision.faces import age_and_gender
from regard.vision.faces.face_attributes import CropModel
from regard.vision.geometry import squares

RGB = Input(width=8, height=8, channels="RGB", mean=(0, 0, 0), std=(1, 1, 1))
EVERY_AGE = np.linspace(0, 100, 401, dtype=np.float32)


def test_one_run_of_a_square_a_quarter_larger_than_the_box_tells_both() -> None:
    def answer(batch: FloatArray) -> list[FloatArray]:
        """Male at 0.5, and 20 or 30 years old, both as likely."""
        ages = np.zeros((len(batch), 100), np.float32)
        ages[:, [19, 29]] = 0.5
        return [np.full((len(batch), 1), 0.5, np.float32), np.zeros((len(batch), 1024), np.float32), ages]

    session = Scripted(answer)
    ranges, women = age_and_gender.read(CropModel(session, RGB), ramp(), BOX)
    expected = age_and_gender.age_ranges(np.array([25], np.float32))
    expected[:, 1] += age_and_gender.hidden_years(ramp(), squares(BOX, 1.25))
    np.testing.assert_allclose(ranges, expected)
    np.testing.assert_allclose(women, age_and_gender.shares_of_women(np.array([0.5], np.float32)))
    (batch,) = session.batches
    # The box is 40 × 60 about (40, 60): the crop is 75 wide, of which 2.5 lie left of the picture.
    assert batch[0, 0, 4, -1] == pytest.approx(40 + 75 / 2 * 7 / 8, abs=2)
    assert batch[0, 1, 0, 4] == pytest.approx(60 - 75 / 2 * 7 / 8, abs=2)


def test_an_age_range_holds_its_estimate_grows_with_it_and_is_never_narrow() -> None:
    lows, highs = age_and_gender.age_ranges(EVERY_AGE).T
    assert (np.diff(lows) >= 0).all()
    assert (np.diff(highs) >= 0).all()
    assert ((lows <= EVERY_AGE) & (highs >= EVERY_AGE)).all()
    assert (highs - lows >= 6).all()


def test_a_child_is_no_adult() -> None:
    assert age_and_gender.age_ranges(np.array([6], np.float32))[0, 1] < 14
    assert age_and_gender.age_ranges(np.array([12], np.float32))[0, 1] < 21


def test_a_share_grows_with_the_reading_and_promises_no_more_than_was_measured() -> None:
    shares = age_and_gender.shares_of_women(np.linspace(0, 1, 101, dtype=np.float32))
    assert (np.diff(shares) >= 0).all()
    assert shares[[0, -1]] == pytest.approx([0.01, 0.99])
    assert age_and_gender.shares_of_women(np.array([0.3], np.float32))[0] == pytest.approx(0.49, abs=0.01)


def test_a_face_in_the_dark_or_without_detail_may_be_older_than_it_looks() -> None:
    noise = np.random.default_rng(0).integers(60, 250, (100, 100, 3), np.uint8)
    flat = np.full_like(noise, 150)
    crops = np.array([[10, 10, 90, 90]], np.float32)
    assert age_and_gender.hidden_years(noise, crops)[0] == 0
    assert age_and_gender.hidden_years(flat, crops)[0] == pytest.approx(8)
    assert age_and_gender.hidden_years((noise * 0.1).astype(np.uint8), crops)[0] == pytest.approx(8, abs=0.5)
