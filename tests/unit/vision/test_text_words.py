"""Words of a line: split where a space was read, with edges where the ink begins and ends."""

from __future__ import annotations

import numpy as np
import pytest

from regard.domain.arrays import ByteArray
from regard.vision.images.text_recognizer import Reading
from regard.vision.images.text_words import Ink, words_of, written_part


def line_of_bars(*bars: tuple[int, int], width: int = 400, top: int = 12, bottom: int = 36) -> ByteArray:
    """A white line with black bars, from one column to before another."""
    line = np.full((48, width, 3), 255, np.uint8)
    for left, right in bars:
        line[top:bottom, left:right] = 0
    return line


def reading(text: str, *places: float, sure: float = 0.9) -> Reading:
    return Reading(
        characters=tuple(text),
        probabilities=np.full(len(text), sure, np.float32),
        places=np.array(places, np.float32),
    )


def test_each_word_reaches_from_its_first_ink_to_its_last() -> None:
    line = line_of_bars((20, 50), (60, 90), (150, 180), (190, 230))
    words = words_of(reading("ab cd", 35, 75, 120, 165, 210), Ink(line).columns)
    assert [word.text for word in words] == ["ab", "cd"]
    edges = [edge for word in words for edge in (word.left, word.right)]
    assert edges == pytest.approx([20, 90, 150, 230], abs=2)


def test_a_space_read_beside_the_gap_still_splits_at_the_gap() -> None:
    line = line_of_bars((20, 50), (60, 90), (150, 180))
    [ab, c] = words_of(reading("ab c", 35, 75, 88, 165), Ink(line).columns)
    assert (ab.right, c.left) == pytest.approx((90, 150), abs=2)


def test_words_without_a_gap_in_the_ink_meet_between_their_letters() -> None:
    line = line_of_bars((20, 380))
    [a, b] = words_of(reading("a b", 100, 150, 200), np.ones(line.shape[1], bool))
    assert (a.right, b.left) == (150, 150)


def test_a_words_confidence_is_the_mean_of_its_letters_and_not_of_the_space() -> None:
    found = Reading(
        characters=("a", "b", " ", "c"),
        probabilities=np.array([0.9, 0.7, 0.1, 1.0], np.float32),
        places=np.array([10, 20, 30, 40], np.float32),
    )
    words = words_of(found, np.ones(50, bool))
    assert [word.confidence for word in words] == pytest.approx([0.8, 1.0])


@pytest.mark.parametrize("text", ["", " ", "   "])
def test_nothing_read_is_no_word(text: str) -> None:
    assert words_of(reading(text, *range(len(text))), np.zeros(50, bool)) == []


def test_ink_ends_above_and_below_where_the_letters_do() -> None:
    assert Ink(line_of_bars((20, 50), (60, 90), top=10, bottom=40)).rows(20, 90) == pytest.approx((10, 40), abs=1)
    assert Ink(np.full((48, 100, 3), 9, np.uint8)).rows(0, 100) == (0, 48)


def test_words_of_a_line_that_lies_aslant_each_have_the_height_of_what_is_around_them() -> None:
    early = line_of_bars((20, 50), width=1000, top=6, bottom=36)
    late = line_of_bars((900, 940), width=1000, top=12, bottom=42)
    ink = Ink(np.minimum(early, late))
    assert ink.rows(20, 50) == pytest.approx((6, 36), abs=1)
    assert ink.rows(900, 940) == pytest.approx((12, 42), abs=1)


def read_with(doubtful: int, apart: float, sure: int = 5, pitch: float = 14) -> Reading:
    """Letters that are likely wrong, and behind them others that are right."""
    places = [apart * (number + 0.5) for number in range(doubtful)]
    places += [apart * doubtful + pitch * (number + 0.5) for number in range(sure)]
    return Reading(
        characters=tuple("x" * doubtful + "y" * sure),
        probabilities=np.array([0.5] * doubtful + [0.97] * sure, np.float32),
        places=np.array(places, np.float32),
    )


def from_the_other_end(one: Reading, width: float) -> Reading:
    return Reading(
        characters=one.characters[::-1], probabilities=one.probabilities[::-1], places=width - one.places[::-1]
    )


@pytest.mark.parametrize("doubtful", [1, 2, 3])
def test_an_end_whose_doubtful_letters_have_far_too_much_room_is_nothing_written(doubtful: int) -> None:
    width = 60 * doubtful + 5 * 14
    one = read_with(doubtful, apart=60)
    assert written_part(one, width) == pytest.approx((60 * doubtful - 7, width))
    assert written_part(from_the_other_end(one, width), width) == pytest.approx((0, width - 60 * doubtful + 7))


@pytest.mark.parametrize(
    ("one", "width"),
    [
        (read_with(0, apart=0), 300),  # blank paper, or a picture, at the end: no letter was read there
        (read_with(2, apart=20), 110),  # as wide as letters are
        (read_with(1, apart=40, pitch=9), 85),  # a W before narrow ones
        (read_with(3, apart=60, sure=2), 208),  # too few are sure to say how far apart they stand
        (read_with(4, apart=60, sure=0), 240),
        (read_with(0, apart=0, sure=0), 100),
    ],
)
def test_an_end_that_may_be_written_stays(one: Reading, width: int) -> None:
    assert written_part(one, width) is None
    assert written_part(from_the_other_end(one, width), width) is None
