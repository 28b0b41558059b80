from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regard.vision.cards import catalogue
from regard.vision.faces import utility
from regard.vision.faces.utility import UtilityModel

#: One reads the direction and the length, and another takes off what is left of the first beyond its bar.
SHORT_IS_POOR = UtilityModel(
    direction=np.array([[0, 0], [50, 0]], np.float32),
    length=np.array([[30, -10], [4, 5], [0.5, 0]], np.float32),
    answers=np.array([1, -10], np.float32),
    constant=np.array([-20], np.float32),
)


def test_utility_is_read_from_the_direction_and_the_length_and_stays_within_its_scale() -> None:
    units = np.array([[1, 0], [0, 1], [0, 1], [0, -1], [0, 1]], np.float32)
    found = SHORT_IS_POOR.of(units, np.array([2, 2, 10, 2, 3], np.float32))
    assert found.tolist() == [20, 70, 0, 0, 26.5]


def test_a_model_is_kept_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "utilities").mkdir()
    SHORT_IS_POOR.save(tmp_path / "utilities" / "toy-1.npz")
    monkeypatch.setattr(utility, "__file__", str(tmp_path / "utility.py"))
    found = utility.of("toy-1")
    assert found is not None
    for name in ("direction", "length", "answers", "constant"):
        np.testing.assert_array_equal(getattr(found, name), getattr(SHORT_IS_POOR, name))
    assert utility.of("toy-2") is None


@pytest.mark.parametrize("name", [card.name for card in catalogue().values() if card.task == "face-embedder"])
def test_every_embedder_of_ours_has_one_of_its_own_and_says_what_it_means(name: str) -> None:
    card = catalogue()[name]
    found = utility.of(card.version)
    assert found is not None
    assert found.direction.shape == (card.dimension, len(found.answers))
    assert len(card.bands) > 1


def test_arrays_that_are_no_model_are_refused() -> None:
    with pytest.raises(ValueError, match="its arrays are"):
        UtilityModel(*(np.zeros(2, np.float32) for _ in range(4)))
