from __future__ import annotations

import time

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.images import Image
from regard.media.drawing import MARK
from regard.media.text_drawing import annotate_text

GREY = Image(pixels=np.full((300, 400, 3), 120, np.uint8), width=400, height=300)
UPRIGHT: FloatArray = np.array([[0.25, 0.5], [0.75, 0.5], [0.75, 0.6], [0.25, 0.6]], np.float32)


def test_a_line_is_outlined_and_what_is_written_stays_free() -> None:
    drawn = np.asarray(annotate_text(GREY, [UPRIGHT], [""])).astype(int)
    close = np.abs(drawn - MARK[:3]).max(axis=-1) < 40
    rows, columns = np.flatnonzero(close.any(axis=1)), np.flatnonzero(close.any(axis=0))
    assert (rows[0], rows[-1]) == (147, 181) or abs(rows[0] - 147) + abs(rows[-1] - 182) <= 4
    assert abs(columns[0] - 97) + abs(columns[-1] - 303) <= 4
    assert (drawn[151:179, 102:298] == 120).all()


def test_the_number_stands_before_the_line_within_the_picture() -> None:
    plain, numbered = (np.asarray(annotate_text(GREY, [UPRIGHT], [each])) for each in ("", "7"))
    changed = np.flatnonzero((plain != numbered).any(axis=(0, 2)))
    assert changed[-1] < 100
    at_the_edge = UPRIGHT - np.array([0.25, 0], np.float32)
    drawn = np.asarray(annotate_text(GREY, [at_the_edge], ["7"]))
    assert (drawn != np.asarray(annotate_text(GREY, [at_the_edge], [""]))).any()


def test_a_turned_line_has_a_turned_outline_and_one_beyond_the_picture_is_no_error() -> None:
    turned = np.array([[0.3, 0.6], [0.6, 0.2], [0.65, 0.25], [0.35, 0.65]], np.float32)
    drawn = np.asarray(annotate_text(GREY, [turned, UPRIGHT + 0.4], ["1", "2"])).astype(int)
    assert (np.abs(drawn - MARK[:3]).max(axis=-1) < 40).any()


def test_a_number_costs_no_more_than_its_own_place_in_a_large_picture() -> None:
    large = Image(pixels=np.full((2400, 3600, 3), 120, np.uint8), width=3600, height=2400)
    lines = [(UPRIGHT - [0.2, 0.5]) * [0.5, 0.1] + [0.1, 0.015 * row] for row in range(60)]

    def seconds(caption: str) -> float:
        begun = time.process_time()
        annotate_text(large, lines, [caption] * len(lines))
        return time.process_time() - begun

    assert min(seconds("7") for _ in range(3)) < 5 * min(seconds("") for _ in range(3))
