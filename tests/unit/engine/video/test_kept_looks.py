from __future__ import annotations

import itertools

from regard.engine.analysis.mean_looks import MOST_LOOKS
from regard.engine.video.kept_looks import KeptLooks


def kept(worths: list[float]) -> tuple[list[int], int]:
    """Which of looks 200 ms apart are kept, and how many were cut out."""
    looks, asked = KeptLooks(), []
    for number, worth in enumerate(worths):
        looks.offer(worth, number * 200, lambda number=number: asked.append(number) or number)  # type: ignore[misc,arg-type]
    return [each.at // 200 for each in looks.all()], len(asked)


def test_the_best_come_first() -> None:
    found, _ = kept([number % 7 + number / 100 for number in range(40)])
    assert found[:MOST_LOOKS] == [34, 27, 20, 13, 6]
    assert len(found) == len(set(found))


def test_looks_are_kept_from_all_of_a_track_wherever_its_best_are_and_not_more_of_a_long_one() -> None:
    found, asked = kept([100 - number / 10 for number in range(300)])
    assert found[:MOST_LOOKS] == [0, 1, 2, 3, 4]
    assert len(found) <= MOST_LOOKS + 12
    spread = [0, *sorted(found), 300]
    assert max(after - before for before, after in itertools.pairwise(spread)) <= 32  # 6.4 s
    assert asked < 100
