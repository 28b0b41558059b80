"""Cosine to Similarity and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.vision.faces.calibration import GOOD, Calibration, pair_utilities

TABLE = Calibration(((-0.2, 1.0), (0.2, 1e-2), (0.4, 1e-4), (0.5, 1e-5), (0.6, 1e-6)))


def similarity(cosine: float, table: Calibration = TABLE) -> float:
    return float(table.similarity(np.array([cosine], np.float32))[0])


@pytest.mark.parametrize(
    ("cosine", "expected"),
    [
        (-1.0, 0.0),  # below the table
        (-0.2, 0.0),  # FMR 1
        (0.0, 20.0),  # half-way to 1e-2 in log10: 1e-1
        (0.2, 40.0),
        (0.3, 60.0),  # 1e-3
        (0.4, 80.0),
        (0.45, 85.0),
        (0.5, 90.0),
        (0.55, 94.5),
        (0.6, 99.0),
        (0.8, 99.5),  # half-way from the last point to cosine 1
        (1.0, 100.0),
        (1.0001, 100.0),  # rounding of a dot product
    ],
)
def test_similarity_follows_the_false_match_rate_through_the_anchors(cosine: float, expected: float) -> None:
    assert similarity(cosine) == pytest.approx(expected, abs=1e-4)


def test_an_anchor_between_two_table_points_bends_the_line_where_it_stands() -> None:
    table = Calibration(((0.0, 1.0), (0.3, 1e-3), (0.6, 1e-6)))
    assert similarity(0.4, table) == pytest.approx(80.0, abs=1e-4)
    assert similarity(0.5, table) == pytest.approx(90.0, abs=1e-4)
    assert similarity(0.35, table) == pytest.approx(70.0, abs=1e-4)


def test_a_table_that_stops_early_rises_from_its_last_point_to_100() -> None:
    table = Calibration(((0.0, 1.0), (0.5, 1e-4)))
    assert similarity(0.5, table) == pytest.approx(80.0)
    assert similarity(0.75, table) == pytest.approx(90.0)


def test_a_table_beyond_one_in_a_million_is_used_up_to_there() -> None:
    table = Calibration(((0.0, 1.0), (0.6, 1e-6), (0.7, 1e-7)))
    assert similarity(0.6, table) == pytest.approx(99.0)
    assert similarity(0.8, table) == pytest.approx(99.5)


def test_similarity_keeps_the_shape_of_what_it_is_given() -> None:
    assert TABLE.similarity(np.zeros((3, 2), np.float32)).shape == (3, 2)
    assert TABLE.similarity(np.zeros(0, np.float32)).shape == (0,)
    assert TABLE.similarity(np.zeros(2, np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("similarity", "rate"),
    [(0.0, 1.0), (40.0, 1e-2), (80.0, 1e-4), (85.0, 10**-4.5), (90.0, 1e-5), (99.0, 1e-6), (100.0, 1e-6)],
)
def test_a_false_match_rate_goes_through_the_anchors(similarity: float, rate: float) -> None:
    assert TABLE.false_match_rate(similarity) == pytest.approx(rate)


def test_a_false_match_rate_is_never_below_what_was_measured() -> None:
    assert Calibration(((0.0, 1.0), (0.5, 1e-4))).false_match_rate(95.0) == pytest.approx(1e-4)


@st.composite
def tables(draw: st.DrawFn) -> Calibration:
    size = draw(st.integers(1, 6))
    cosines = draw(st.lists(st.integers(-99, 99), min_size=size + 1, max_size=size + 1, unique=True))
    exponents = draw(st.lists(st.integers(1, 90), min_size=size, max_size=size, unique=True))
    rates = [1.0, *(10.0 ** (-e / 10) for e in sorted(exponents))]
    return Calibration(tuple(zip((c / 100 for c in sorted(cosines)), rates, strict=True)))


@given(tables(), st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_a_higher_cosine_is_never_less_similar(table: Calibration, cosines: list[float]) -> None:
    values = table.similarity(np.sort(np.array(cosines, np.float64)))
    assert np.all(np.diff(values) >= 0)
    assert np.all((values >= 0) & (values <= 100))


@given(tables(), st.floats(0, 100))
def test_the_cosine_of_a_similarity_has_that_similarity(table: Calibration, wanted: float) -> None:
    back = table.similarity(np.array([table.cosine(wanted)], np.float64))
    assert float(back[0]) == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize(
    ("points", "complaint"),
    [
        (((0.0, 1.0),), "two points"),
        (((0.0, 0.5), (0.5, 1e-4)), "starts at false match rate 0.5; its first point must be at 1"),
        (((0.0, 1.0), (0.5, 1e-4), (0.4, 1e-5)), r"from \[0.5, 0.0001\] to \[0.4, 1e-05\]; cosines must rise"),
        (((0.0, 1.0), (0.5, 1e-4), (0.6, 1e-4)), "must rise"),
        (((0.0, 1.0), (0.5, 0.0)), r"holds \[0.5, 0.0\]; cosines lie in"),
        (((0.0, 1.0), (1.0, 1e-4)), "lie in"),
        (((float("nan"), 1.0), (0.5, 1e-4)), "lie in"),
    ],
)
def test_points_that_make_no_table_are_refused(points: tuple[tuple[float, float], ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Calibration(points)


POORER = Calibration(
    ((-0.2, 1.0), (0.3, 1e-2), (0.395, 3e-4), (0.42, 1e-4), (0.475, 1e-5), (0.53, 1e-6)),
    bands=((0, 0.8, 0.05), (50, 0.6, 0.04)),
)


def at(cosine: float, utility: float) -> float:
    return float(POORER.similarity(np.array([cosine], np.float32), np.array([utility], np.float32))[0])


def test_poor_pairs_need_a_higher_cosine_the_poorer_the_higher() -> None:
    similarities = [at(0.55, utility) for utility in (95, GOOD, 70, 50, 20, 0)]
    assert (
        similarities[0] == similarities[1] == pytest.approx(float(POORER.similarity(np.array([0.55], np.float32))[0]))
    )
    assert similarities[1:] == sorted(similarities[1:], reverse=True)
    assert len(set(similarities[1:])) == 5


@pytest.mark.parametrize(("utility", "start", "excess"), [(0, 0.8, 0.05), (50, 0.6, 0.04), (25, 0.7, 0.045)])
def test_a_band_promises_the_rates_of_its_own_tail(utility: float, start: float, excess: float) -> None:
    for similarity, rate in ((80, 1e-4), (90, 1e-5)):
        cosine = start + excess * np.log(3e-4 / rate)
        assert at(float(cosine), utility) == pytest.approx(similarity, abs=1.5)
        assert POORER.cosine(similarity, utility) == pytest.approx(cosine, abs=0.02)


def test_the_lowest_cosine_for_a_similarity_earns_it_at_every_utility() -> None:
    for utility in (0, 30, 60, 89, 100, np.nan):
        for similarity in (5, 50, 80, 90):
            assert at(POORER.cosine(similarity, utility), utility) == pytest.approx(similarity, abs=0.05)


def test_a_poor_pair_is_never_more_similar_than_a_good_one() -> None:
    cosines = np.linspace(-1, 1, 201, dtype=np.float32)
    good = POORER.similarity(cosines)
    for utility in (0, 40, 80):
        poor = POORER.similarity(cosines, np.full(201, utility, np.float32))
        assert (poor <= good).all()
        assert (np.diff(poor) >= 0).all()


def test_what_is_not_known_changes_nothing() -> None:
    cosines = np.array([0.2, 0.5], np.float32)
    unknown = POORER.similarity(cosines, np.full(2, np.nan, np.float32))
    np.testing.assert_array_equal(unknown, POORER.similarity(cosines))


def test_a_pair_is_as_good_as_its_better_face_or_the_one_that_is_known() -> None:
    pairs = pair_utilities(np.array([10, 90, np.nan, np.nan], np.float32), np.array([60, 20, 30, np.nan], np.float32))
    np.testing.assert_array_equal(pairs, [60, 90, 30, np.nan])
    assert pair_utilities(None, 40.0) == 40
    assert np.isnan(pair_utilities(None, None))


@pytest.mark.parametrize(
    ("bands", "complaint"),
    [
        (((0, 0.5, 0.04), (50, 0.6, 0.04)), "the others must not"),
        (((50, 0.6, 0.04), (0, 0.5, 0.04)), "utility must rise"),
        (((95, 0.6, 0.04),), "utilities lie in"),
        (((10, 0.6, 0.0),), "excesses in"),
    ],
)
def test_bands_that_are_none_are_refused(bands: tuple[tuple[float, float, float], ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Calibration(POORER.points, bands)
