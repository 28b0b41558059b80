from __future__ import annotations

import numpy as np
import pytest

from regard.domain.evaluations import ErrorRates, Rate
from regard.engine.galleries import error_rates
from regard.engine.galleries.error_rates import Sample, measure, wilson
from regard.vision.faces.calibration import Calibration

#: A cosine of 0.8 is a similarity of 80, and so on.
PLAIN = Calibration(((0.0, 1.0), (0.8, 1e-4), (0.9, 1e-5), (0.98, 1e-6)))


def sample(angles: list[float], people: list[int]) -> Sample:
    """Unit vectors in a plane, at these angles in degrees."""
    radians = np.radians(angles)
    rows = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    return Sample(embeddings=rows, utilities=np.full(len(rows), np.nan, np.float32), people=np.array(people))


def rates(of: Sample, labels: dict[str, list[str]] | None = None, size: int = 10, least: int = 2) -> ErrorRates:
    return measure(of, labels or {}, calibration=PLAIN, thresholds=[80, 90], gallery_size=size, least_people=least)


#: Three people: a pair 10 degrees apart, a pair 40 degrees apart, and one who looks like the first.
THREE = sample([0, 10, 90, 130, 20, 5], [0, 0, 1, 1, 2, 2])


@pytest.mark.control(16, 24)
def test_false_matches_and_misses_are_counted_by_hand() -> None:
    at = {each.threshold: each for each in rates(THREE).everybody.thresholds}
    # Of different people: 0-20, 0-5, 10-20, 10-5 degrees match at 80, and nothing that is 70 degrees away.
    assert (at[80].fmr.errors, at[80].fmr.trials) == (4, 12)
    # Of one person: 0-10 and 20-5 match; 90-130 (a cosine of 0.77) does not.
    assert (at[80].fnmr.errors, at[80].fnmr.trials) == (1, 3)


def test_searches_are_counted_in_galleries_without_and_with_whom_is_sought() -> None:
    at = {each.threshold: each for each in rates(THREE).searches}
    assert at[80].measured_size == 2
    assert (at[80].fpir.errors, at[80].fpir.trials) == (4, 6)
    # Of the second pictures, that at 10 degrees finds its mate and the stranger at 20 degrees alike; 130 finds nobody,
    # and 5 degrees finds the stranger at 0 first.
    assert at[80].fnir.trials == 3
    assert at[80].fnir.errors >= 2


def test_a_gallery_larger_than_the_sample_is_told_by_the_formula_and_marked() -> None:
    (at, _) = rates(THREE, size=1000).searches
    assert not at.measured
    assert at.fpir_expected == pytest.approx(1 - (1 - 4 / 12) ** 1000)
    assert rates(THREE, size=2).searches[0].measured


@pytest.mark.control(16, 24)
def test_groups_are_the_operators_own_labels_and_count_matches_within_themselves() -> None:
    found = rates(THREE, {"sex": ["f", "f", "m", "m", "f", "f"]}, least=1)
    by_name = {each.group: each for each in found.groups}
    assert by_name["f"].people == 2
    assert (by_name["f"].thresholds[0].fmr.errors, by_name["f"].thresholds[0].fmr.trials) == (4, 4)
    assert by_name["m"].thresholds[0].fmr.trials == 0
    assert str(by_name["m"].thresholds[0].fmr) == "not measured: no pairs of different people"


def test_a_group_of_too_few_people_is_withheld_and_named() -> None:
    found = rates(THREE, {"sex": ["f", "f", "m", "m", "f", "f"]}, least=2)
    assert [each.group for each in found.groups] == ["f"]
    assert found.withheld == ("sex: m",)


def test_a_small_sample_says_so_plainly() -> None:
    rate = Rate(errors=0, trials=312, low=0.0, high=wilson(0, 312)[1], of="pairs of different people")
    assert str(rate) == "0 of 312 pairs of different people: at most 1.22 %"


def test_without_an_error_only_so_many_trials_count_as_there_are_people() -> None:
    many = sample([each for person in (0, 60, 120) for each in [person] * 100], [0] * 100 + [1] * 100 + [2] * 100)
    at = rates(many).everybody.thresholds[0]
    assert (at.fmr.errors, at.fmr.trials) == (0, 30_000)
    assert at.fmr.high == pytest.approx(wilson(0, 3)[1])


def test_an_interval_knows_that_one_person_errs_alike_every_time() -> None:
    # 20 people; all pairs of one of them fail, and none of the others'.
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 64))
    rows = np.repeat(centres, 10, axis=0) + 0.01 * rng.normal(size=(200, 64))
    rows[:10] = rng.normal(size=(10, 64))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    people = np.repeat(np.arange(20), 10)
    of = Sample(embeddings=rows.astype(np.float32), utilities=np.full(200, np.nan, np.float32), people=people)
    fnmr = rates(of).everybody.thresholds[0].fnmr
    low, high = wilson(fnmr.errors, fnmr.trials)
    assert (fnmr.errors, fnmr.trials) == (45, 900)
    assert fnmr.low < low / 2
    assert fnmr.high > high * 1.5


def test_one_set_gives_one_result() -> None:
    assert rates(THREE) == rates(THREE)


def test_a_curve_has_no_point_with_fewer_than_ten_pairs_above_it() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(300, 16))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    of = Sample(
        embeddings=rows.astype(np.float32),
        utilities=np.full(300, np.nan, np.float32),
        people=np.repeat(np.arange(100), 3),
    )
    curve = rates(of).everybody.curve
    pairs = 300 * 299 // 2 - 300
    assert [round(each.fmr, 4) for each in curve[:2]] == [0.1, 0.03]
    assert all(each.fmr * pairs >= error_rates._LEAST_PAIRS - 1 for each in curve)
    assert [each.similarity for each in curve] == sorted(each.similarity for each in curve)
