from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from regard.domain.arrays import FloatArray
from regard.errors import ModelUnavailable
from regard.vision.cards import Input
from regard.vision.faces import face_attributes
from regard.vision.faces.face_attributes import CropModel, softmax

RGB = Input(width=8, height=8, channels="RGB", mean=(0, 0, 0), std=(1, 1, 1))
GREY = Input(width=8, height=8, channels="GREY", mean=(0,), std=(255,))


class Scripted:
    """A session that answers by a function of its batch and keeps what it was given."""

    def __init__(self, answer: Callable[[FloatArray], list[FloatArray]]) -> None:
        self._answer = answer
        self.batches: list[FloatArray] = []

    name = "scripted.onnx"

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("out",)

    def run(self, batch: FloatArray) -> list[FloatArray]:
        self.batches.append(batch)
        return self._answer(batch)


def always(*rows: list[float]) -> Callable[[FloatArray], list[FloatArray]]:
    return lambda batch: [np.tile(np.array(row, np.float32), (len(batch), 1)) for row in rows]


def ramp(height: int = 100, width: int = 100) -> np.ndarray:
    """Red grows with x, green with y."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0], picture[..., 1] = np.arange(width), np.arange(height)[:, None]
    return picture


BOX = np.array([[20, 30, 60, 90]], np.float32)


def test_softmax_of_hand_numbers_and_of_large_ones() -> None:
    np.testing.assert_allclose(softmax(np.log(np.array([[1, 2, 5]], np.float32))), [[0.125, 0.25, 0.625]], rtol=1e-6)
    np.testing.assert_allclose(softmax(np.array([[1000, 1000], [-1000, 0]], np.float32)), [[0.5, 0.5], [0, 1]])


def test_every_box_is_a_row_whatever_the_chunks() -> None:
    session = Scripted(lambda batch: [batch[:, :, 4, 4]])
    boxes = np.array([[x, 10, x + 8, 18] for x in range(50)], np.float32)
    (middles,) = CropModel(session, RGB).run(ramp(), boxes)
    assert sum(len(batch) for batch in session.batches) == 50
    np.testing.assert_allclose(middles[:, 0], np.arange(50) + 4, atol=0.5)


def test_a_mirrored_run_sees_the_crops_flipped() -> None:
    session = Scripted(lambda batch: [batch[:, 0, 0, :]])
    model = CropModel(session, RGB)
    (plain,), (mirrored,) = model.run(ramp(), BOX), model.run(ramp(), BOX, mirrored=True)
    np.testing.assert_allclose(mirrored, plain[:, ::-1])
    assert plain[0, 0] < plain[0, -1]


def test_grey_models_get_one_channel_scaled() -> None:
    session = Scripted(lambda batch: [batch.reshape(len(batch), -1)])
    CropModel(session, GREY).run(np.full((50, 50, 3), 51, np.uint8), BOX / 2)
    assert session.batches[0].shape == (1, 1, 8, 8)
    np.testing.assert_allclose(session.batches[0], 0.2, rtol=1e-6)


def test_the_outline_is_laid_back_onto_the_picture() -> None:
    points = np.zeros((68, 2), np.float32)
    points[8], points[30] = (0.5, 1.0), (0.5, 0.5)
    outline = face_attributes.landmarks68(CropModel(Scripted(always(points.ravel().tolist())), GREY), ramp(), BOX)
    np.testing.assert_allclose(outline[0, 30], [40, 60], atol=1e-3)  # the middle of the crop is the box's
    np.testing.assert_allclose(outline[0, 8], [40, 90], atol=1e-3)  # and its lower edge the box's


def test_angles_are_read_off_the_bins_and_roll_off_the_eyes() -> None:
    def peak(degrees: float) -> list[float]:
        bins = [-1000.0] * 66
        bins[round((degrees + 99) / 3)] = 0
        return bins

    session = Scripted(always(peak(-30), peak(12), peak(60)))
    tilted = np.array([[[30, 40], [50, 60], [45, 60], [35, 70], [50, 80]]], np.float32)
    found = face_attributes.pose(CropModel(session, RGB), ramp(), BOX, tilted)
    np.testing.assert_allclose(found, [[30, 12, 45]], atol=1e-4)


def test_a_mask_is_looked_for_in_the_box_as_it_is() -> None:
    model = CropModel(session := Scripted(always([0.8, 0.2])), RGB)
    np.testing.assert_allclose(face_attributes.masked(model, ramp(), BOX), [0.8])
    red = session.batches[0][0, 0]
    assert (red[0, 0], red[0, -1]) == pytest.approx((22, 57), abs=1.5)


@pytest.mark.parametrize("apart", [False, True], ids=["in one output", "in an output each"])
def test_glasses_are_two_of_five_numbers_read_from_the_box_in_its_own_proportions(apart: bool) -> None:
    heads = [0.9, 0.8, 0.7, 0.1, 0.2]
    session = Scripted(always(*([[head] for head in heads] if apart else [heads])))
    eyeglasses, sunglasses = face_attributes.glasses(CropModel(session, RGB), ramp(), BOX)
    assert (eyeglasses[0], sunglasses[0]) == (pytest.approx(0.7), pytest.approx(0.2))
    red = session.batches[0][0, 0]
    assert (red[:, 0] == 0).all()  # the box is taller than wide
    assert (red[:, -1] == 0).all()
    assert (red[:, 2:6] > 0).all()


def test_a_model_of_glasses_with_other_outputs_is_refused_in_words() -> None:
    with pytest.raises(ModelUnavailable, match="gives 3 numbers a face; one that tells glasses gives 5"):
        face_attributes.glasses(CropModel(Scripted(always([1, 2, 3])), RGB), ramp(), BOX)
