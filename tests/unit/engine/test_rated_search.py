from __future__ import annotations

import numpy as np

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import Hits
from regard.engine.galleries.rated_search import RatedSearch
from regard.vision.faces.calibration import Calibration

CALIBRATION = Calibration(
    ((-0.2, 1.0), (0.3, 1e-2), (0.395, 3e-4), (0.42, 1e-4), (0.475, 1e-5), (0.53, 1e-6)),
    bands=((0, 0.8, 0.05), (50, 0.6, 0.04)),
)
PROBE = np.ones((1, 1), np.float32)


class Gallery:
    """Candidates by key: 0 has the highest cosine. `asked` are the limits of the searches."""

    def __init__(self, cosines: list[float], utilities: list[float]) -> None:
        self._cosines = np.array(cosines, np.float32)
        self._utilities = np.array(utilities, np.float32)
        self.asked: list[int] = []
        self.looked_up = 0

    def search(self, probes: FloatArray, limit: int, least: float) -> list[Hits]:
        self.asked.append(limit)
        keys = np.flatnonzero(self._cosines >= least)[:limit]
        return [Hits(keys=keys, cosines=self._cosines[keys])] * len(probes)

    def utilities(self, keys: IntArray) -> FloatArray:
        self.looked_up += len(keys)
        return self._utilities[keys]

    def found(self, probe_utility: float | None, most: int, threshold: float = 60) -> list[int]:
        rated = None if probe_utility is None else np.array([probe_utility], np.float32)
        (ranked,) = RatedSearch(CALIBRATION, self.search, threshold).ranked(PROBE, rated, most, self.utilities)
        return [key for key, _, _ in ranked]


def test_a_good_probe_looks_no_candidate_up() -> None:
    gallery = Gallery([0.9, 0.8, 0.7], [0, 0, 100])
    assert gallery.found(95, 2) == gallery.found(None, 2) == [0, 1]
    assert gallery.looked_up == 0
    assert gallery.asked == [2, 2]


def test_poor_candidates_do_not_crowd_out_a_good_one() -> None:
    """For a poor probe a hundred poor faces have higher cosines than the one good face."""
    gallery = Gallery([*np.linspace(0.8, 0.7, 100).tolist(), 0.6], [0.0] * 100 + [100.0])
    assert gallery.found(10, 1) == [100]
    assert gallery.found(95, 1) == [0]


def test_no_more_is_asked_for_than_could_be_better() -> None:
    gallery = Gallery(np.linspace(0.9, 0.5, 1000).tolist(), [100.0] * 1000)
    assert gallery.found(10, 5) == [0, 1, 2, 3, 4]
    assert gallery.asked == [5]


def test_candidates_of_unknown_utility_are_judged_by_the_probe() -> None:
    gallery = Gallery([0.7, 0.65], [np.nan, 100.0])
    assert gallery.found(0, 2, threshold=0) == [1, 0]
    assert gallery.found(None, 2, threshold=0) == [0, 1]


def test_a_gallery_without_candidates_is_no_trouble() -> None:
    assert Gallery([0.1], [50.0]).found(10, 3, threshold=99) == []
