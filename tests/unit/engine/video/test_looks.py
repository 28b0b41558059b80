from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from regard.engine.video.looks import Pace


def taken(step: float, times: list[int], starts: list[int]) -> list[int]:
    """The frames that are looked at, where chunks begin with those frames."""
    frame = times[1] - times[0]
    found = []
    for start, end in zip(starts, [*starts[1:], times[-1] + 1], strict=True):
        pace = Pace(step, start, frame)
        found += [at for at in times if start <= at < end and pace.takes(at)]
    return found


@pytest.mark.parametrize(
    ("rate", "step"), [(Fraction(25), 200), (Fraction(30_000, 1001), 200), (Fraction(10), 500), (Fraction(3), 200)]
)
def test_looks_are_steady_wherever_chunks_are_cut(rate: Fraction, step: int) -> None:
    times = [int(number * 1000 / rate) for number in range(400)]
    whole = taken(step, times, [0])
    assert whole[0] == 0
    gaps = [after - before for before, after in itertools.pairwise(whole)]
    assert max(gaps) <= step + 1000 / rate + 1
    assert len(whole) == min(len(times), int(times[-1] // step) + 1)
    for cut in (7, 50, 133, 250):
        assert taken(step, times, [0, times[cut]]) == whole
