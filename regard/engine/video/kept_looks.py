"""What is kept of whom a track follows: the best looks, by which they are searched for, and some from all its length.

The latter tell whether it is one person all along: a track goes by places alone, and the best looks can all be at the
one whom it followed first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from regard.engine.analysis.mean_looks import MOST_LOOKS
from regard.engine.analysis.probes import Look

#: The most looks from all of a track's length, and of how long each is the best: twice as long when they are many.
_SPREAD, _STRETCH_MS = 12, 200


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    worth: float
    at: int
    look: Look


class KeptLooks:
    """Is offered every look at whom a track follows."""

    def __init__(self) -> None:
        self._best: list[Kept] = []
        self._spread: dict[int, Kept] = {}
        self._stretch_ms = _STRETCH_MS

    def offer(self, worth: float, at: int, look: Callable[[], Look]) -> None:
        """`look` is asked for only if it is kept."""
        held = self._spread.get(at // self._stretch_ms)
        among_best = len(self._best) < MOST_LOOKS or worth > self._best[-1].worth
        if not among_best and held and held.worth >= worth:
            return
        kept = Kept(worth, at, look())
        if among_best:
            self._best = _by_worth([*self._best, kept])[:MOST_LOOKS]
        self._spread = self._best_of_each([*self._spread.values(), kept])
        if len(self._spread) > _SPREAD:
            self._stretch_ms *= 2
            self._spread = self._best_of_each(self._spread.values())

    def all(self) -> list[Kept]:
        """The best first."""
        others = [kept for kept in self._spread.values() if not any(kept is best for best in self._best)]
        return [*self._best, *_by_worth(others)]

    def _best_of_each(self, looks: Iterable[Kept]) -> dict[int, Kept]:
        """The best of each stretch."""
        return {kept.at // self._stretch_ms: kept for kept in reversed(_by_worth(looks))}


def _by_worth(looks: Iterable[Kept]) -> list[Kept]:
    return sorted(looks, key=lambda kept: -kept.worth)
