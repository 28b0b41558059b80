"""Whose face is whose, by boxes alone; a whole picture is in tests/acceptance/test_protective_equipment.py."""

from __future__ import annotations

import pytest

from regard.domain.images import Box
from regard.engine.analysis.face_owners import faces_of


def box(left: float, top: float, right: float, bottom: float) -> Box:
    return Box(left=left, top=top, width=right - left, height=bottom - top)


#: Six people close together as they were found, most certain first, and their faces, the largest first.
CROWD = [
    box(18, 256, 322, 602),
    box(247, 87, 583, 599),
    box(465, 260, 599, 600),
    box(0, 219, 94, 586),
    box(157, 82, 348, 532),
    box(509, 55, 599, 287),
]
CROWD_FACES = [
    box(493, 280, 606, 573),
    box(351, 113, 486, 299),
    box(90, 294, 210, 447),
    box(210, 122, 314, 257),
    box(532, 71, 611, 216),
    box(1, 241, 80, 359),
]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (2, 4, 0, 5, 1, 3)], ids=str)
def test_people_who_overlap_have_each_their_own_face_in_whatever_order_they_come(order: tuple[int, ...]) -> None:
    owned = dict(zip(range(6), [2, 1, 0, 5, 3, 4], strict=True))
    assert faces_of([CROWD[row] for row in order], CROWD_FACES) == [owned[row] for row in order]


def test_a_larger_face_in_front_is_not_the_one_of_the_person_behind() -> None:
    behind, front = box(0, 0, 100, 300), box(40, 120, 140, 300)
    own, larger = box(35, 10, 65, 50), box(60, 130, 120, 200)
    assert faces_of([behind, front], [larger, own]) == [1, 0]
    assert faces_of([front, behind], [larger, own]) == [0, 1]


def test_a_person_whose_own_face_was_not_found_has_not_their_neighbours() -> None:
    behind, front = box(0, 0, 100, 300), box(40, 120, 140, 300)
    assert faces_of([behind, front], [box(60, 130, 120, 200)]) == [None, 0]


def test_a_face_that_may_as_well_be_either_ones_is_neither_ones() -> None:
    left, right = box(0, 0, 100, 300), box(60, 0, 160, 300)
    assert faces_of([left, right], [box(62, 10, 98, 50)]) == [None, None]
    assert faces_of([left, right], [box(62, 10, 98, 50), box(66, 12, 100, 50)]) == [None, None]
    assert faces_of([left, right], [box(30, 10, 70, 50), box(95, 10, 130, 50)]) == [0, 1]
    assert faces_of([left, right], [box(30, 10, 70, 50)]) == [0, None]


def test_a_face_in_nobodys_box_is_nobodys() -> None:
    assert faces_of([box(0, 0, 100, 300)], [box(150, 10, 190, 50)]) == [None]
    assert faces_of([box(0, 0, 100, 300)], []) == [None]
    assert faces_of([], [box(0, 0, 10, 10)]) == []
