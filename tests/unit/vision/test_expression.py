from __future__ import annotations

import numpy as np
import pytest
from test_face_attributes import BOX, Scripted, always, ramp

from regard.domain.arrays import FloatArray
from regard.domain.faces import EMOTIONS
from regard.vision.cards import Input
from regard.vision.faces import expression
from regard.vision.faces.face_attributes import CropModel

GREY = Input(width=8, height=8, channels="GREY", mean=(127.5,), std=(127.5,))


def said(**probabilities: float) -> FloatArray:
    """What the model says of one face; the rest is shared among the others."""
    rest = (1 - sum(probabilities.values())) / (len(EMOTIONS) - len(probabilities))
    return np.array([[probabilities.get(name, rest) for name in EMOTIONS]], np.float32)


def top(shares: FloatArray) -> str:
    return EMOTIONS[int(shares[0].argmax())]


def test_the_face_itself_is_read_and_its_shares_are_all_there_is() -> None:
    session = Scripted(always(said(happy=0.9)[0].tolist()))
    shares = expression.read(CropModel(session, GREY), ramp(), BOX)
    assert shares.shape == (1, 7)
    assert shares.sum() == pytest.approx(1)
    assert top(shares) == "happy"
    (batch,) = session.batches
    assert batch.shape == (1, 1, 8, 8)


def test_a_face_that_may_be_calm_or_sad_is_calm_and_only_evidence_makes_it_sad() -> None:
    assert top(expression.tempered(said(sad=0.6, calm=0.3))) == "calm"
    assert top(expression.tempered(said(angry=0.6, calm=0.3))) == "calm"
    assert top(expression.tempered(said(sad=0.99, calm=0.001))) == "sad"


def test_a_certainty_that_was_not_borne_out_is_not_repeated() -> None:
    shares = expression.tempered(said(happy=0.96, calm=0.03))
    assert top(shares) == "happy"
    assert shares.max() < 0.8


def test_a_zero_is_no_trouble() -> None:
    assert np.isfinite(expression.tempered(np.eye(7, dtype=np.float32))).all()
