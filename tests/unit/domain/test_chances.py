"""Expected numbers of false candidates are told without exponents."""

from __future__ import annotations

import pytest

from regard.domain.chances import how_rarely, plain


@pytest.mark.parametrize(
    ("expected", "number", "rarely"),
    [
        (2.4e-05, "0.000024", " (about 1 in 42,000 searches)"),
        (1e-12, "0.000000000001", " (about 1 in 1,000,000,000,000 searches)"),
        (0.0, "0", ""),
        (0.51, "0.51", ""),
        (3.0, "3", ""),
        (12_345.0, "12,000", ""),
    ],
)
def test_a_rare_chance_is_told_in_plain_digits_and_as_one_in_so_many(expected: float, number: str, rarely: str) -> None:
    assert plain(expected) == number
    assert how_rarely(expected) == rarely
