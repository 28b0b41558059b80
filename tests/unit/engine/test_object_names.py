from __future__ import annotations

import numpy as np
import pytest

from regard.engine.analysis.object_names import MOST_LOOKS, better_name, crop_of, looked_at, names_of
from regard.vision.images.object_decoders import Candidates
from regard.vision.images.taxonomy import taxonomy

PERSON, HORSE = 0, 17


def candidates(scores: list[float], classes: list[int]) -> Candidates:
    boxes = np.tile(np.array([[0.1, 0.1, 0.5, 0.5]], np.float32), (len(scores), 1))
    return Candidates(boxes, np.array(scores, np.float32), np.array(classes, np.int64))


def shown(**of: float) -> dict[str, float]:
    return dict.fromkeys(taxonomy().names, 0.0) | of


def test_the_surest_objects_are_looked_at_but_no_people_and_nothing_doubtful() -> None:
    found = candidates([0.9, 0.4, 0.8, 0.2], [PERSON, HORSE, HORSE, HORSE])
    assert names_of(found) == ["Person", "Horse", "Horse", "Horse"]
    assert looked_at(found) == [2, 1]
    assert looked_at(candidates([0.9 - row / 100 for row in range(40)], [HORSE] * 40)) == list(range(MOST_LOOKS))


def test_a_name_changes_only_to_one_of_its_kind_that_is_clear_where_its_own_is_not() -> None:
    assert better_name("Horse", shown(Dog=0.8)) == "Dog"
    assert better_name("Horse", shown(Dog=0.8, Horse=0.15)) == "Horse"
    assert better_name("Horse", shown(Dog=0.4)) == "Horse"
    assert better_name("Horse", shown(Car=0.9)) == "Horse"


@pytest.mark.parametrize("box", [[0, 0, 1, 1], [0.99, 0.99, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0], [0.4, 0.4, 0.4, 0.6]])
@pytest.mark.parametrize("shape", [(40, 60, 3), (1, 1, 3), (1, 500, 3)])
def test_every_box_has_a_picture(box: list[float], shape: tuple[int, int, int]) -> None:
    crop = crop_of(np.zeros(shape, np.uint8), np.array(box, np.float32))
    assert min(crop.shape[:2]) >= 1


def test_a_crop_has_a_margin_of_a_tenth() -> None:
    crop = crop_of(np.zeros((100, 200, 3), np.uint8), np.array([0.5, 0.2, 0.6, 0.6], np.float32))
    np.testing.assert_allclose(crop.shape[:2], (48, 24), atol=1)
