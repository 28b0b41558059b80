from __future__ import annotations

import numpy as np
import pytest

from regard.vision.images.object_confidence import Evidence


def percent(score: float, *, person: bool = False, face: float = 0, kind: float = 0, garment: float = 0) -> float:
    one = Evidence(
        scores=np.array([score], np.float32),
        persons=np.array([person]),
        faces=np.array([face], np.float32),
        kinds=np.array([kind], np.float32),
        garment=garment,
    )
    (found,) = one.percent().tolist()
    return float(found)


@pytest.mark.parametrize("person", [True, False])
def test_confidence_rises_with_the_score(person: bool) -> None:
    told = [percent(score, person=person) for score in (0.2, 0.4, 0.6, 0.8)]
    assert told == sorted(told)
    assert told[0] < 40
    assert told[-1] > 85


def test_a_face_makes_a_person_sure_even_where_there_is_a_garment() -> None:
    assert percent(0.5, person=True) < 80
    assert percent(0.5, person=True, face=1) > 95
    assert percent(0.5, person=True, face=1, garment=0.9) == percent(0.5, person=True, face=1)


def test_a_face_that_may_be_there_counts_for_as_much_as_it_is_probable() -> None:
    with_one, without = percent(0.15, person=True, face=1), percent(0.15, person=True, garment=0.3)
    assert percent(0.15, person=True, face=0.7, garment=0.3) == pytest.approx(0.7 * with_one + 0.3 * without, abs=1e-3)


def test_a_garment_by_itself_is_neither_its_wearer_nor_the_bed_under_it() -> None:
    assert percent(0.6, person=True, garment=0.8) < 20
    assert percent(0.6, garment=0.8) < 5


def test_an_object_is_likelier_where_the_picture_shows_its_kind() -> None:
    assert percent(0.45, kind=0.9) > percent(0.45) + 20
