from __future__ import annotations

import numpy as np
import pytest

from regard.domain.arrays import FloatArray
from regard.domain.text import Line, Word


def word(left: float, top: float, right: float, bottom: float, turn: float = 0.0) -> Word:
    """A word in that box, turned clockwise about the upper left corner of the picture."""
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    sine, cosine = np.sin(np.radians(turn)), np.cos(np.radians(turn))
    return Word(text="x", confidence=99.0, corners=(corners @ np.array([[cosine, sine], [-sine, cosine]])))


def is_within(point: FloatArray, corners: FloatArray) -> bool:
    edges, away = np.roll(corners, -1, axis=0) - corners, point - corners
    return bool((edges[:, 0] * away[:, 1] - edges[:, 1] * away[:, 0] >= -1e-6).all())


@pytest.mark.parametrize("turn", [0, 10, -20, 90, 180])
def test_a_line_lies_as_its_words_do_and_has_them_all_within(turn: float) -> None:
    low, high, deep = (0.1, 0.2, 0.2, 0.25), (0.22, 0.17, 0.4, 0.25), (0.42, 0.2, 0.5, 0.28)
    line = Line(words=tuple(word(*each, turn) for each in (low, high, deep, (0.52, 0.2, 0.6, 0.25))))
    np.testing.assert_allclose(line.corners, word(0.1, 0.17, 0.6, 0.28, turn).corners, atol=1e-5)
    assert all(is_within(point, line.corners) for each in line.words for point in each.corners)


def test_a_line_of_one_word_is_that_word() -> None:
    one = word(0.3, 0.4, 0.5, 0.45, 33)
    np.testing.assert_allclose(Line(words=(one,)).corners, one.corners, atol=1e-6)


def test_words_without_area_have_a_place_yet() -> None:
    assert np.isfinite(Line(words=(word(0.3, 0.4, 0.3, 0.4),)).corners).all()
    assert np.isfinite(Line(words=(word(0.3, 0.4, 0.5, 0.4),)).corners).all()
