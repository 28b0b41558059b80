"""What a cosine means: from measured false match rates to Similarity, 0 to 100."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import FloatArray

#: log10 of the false match rate and the Similarity it stands for (docs/accuracy.md); linear between.
_ANCHOR_LOG_FMR = np.array([-6.0, -5.0, -4.0, 0.0])
_ANCHOR_SIMILARITY = np.array([99.0, 90.0, 80.0, 0.0])
#: The utility from which on the table itself holds; the better face of two thirds of pairs of press photographs has it.
GOOD = 90.0
#: The rate above which the tail of false matches is an exponential.
TAIL = 3e-4


@dataclass(frozen=True, slots=True)
class Calibration:
    """A table of (cosine, false match rate) points of one embedder: cosines ascending, rates strictly falling from 1.

    Similarity is 0 at FMR 1, 80 at 1e-4, 90 at 1e-5, 99 at 1e-6, linear in log10(FMR) between; log10(FMR) is linear in
    cosine between the table's points. From the last point (or FMR 1e-6, if the table goes beyond it) Similarity rises
    linearly in cosine to 100 at cosine 1. Raises ValueError for points that are no such table.
    """

    points: tuple[tuple[float, float], ...]
    #: Utilities, rising; for each the cosine that 3 in 10,000 pairs of strangers exceed whose better face has it, and
    #: the mean excess over that. From utility GOOD on `points` hold.
    bands: tuple[tuple[float, float, float], ...] = ()
    _cosines: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    _similarities: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self.points)
        _check_bands(self.bands)
        table = np.array(self.points, dtype=np.float64)
        # Both maps are piecewise linear, so their composition is: its knots are the table's points and the anchors.
        at, log_fmr = table[:, 0], np.log10(table[:, 1])
        lowest = max(log_fmr[-1], _ANCHOR_LOG_FMR[0])
        inside = _ANCHOR_LOG_FMR[(lowest < _ANCHOR_LOG_FMR) & (_ANCHOR_LOG_FMR < 0.0)]
        knots = np.unique(np.concatenate([log_fmr[log_fmr >= lowest], inside, [lowest]]))
        cosines = np.interp(knots, log_fmr[::-1], at[::-1])[::-1]
        similarities = np.interp(knots, _ANCHOR_LOG_FMR, _ANCHOR_SIMILARITY)[::-1]
        object.__setattr__(self, "_cosines", np.append(cosines, 1.0))
        object.__setattr__(self, "_similarities", np.append(similarities, 100.0))

    def similarity(self, cosines: FloatArray, utilities: FloatArray | None = None) -> FloatArray:
        """Similarity, 0 to 100, of cosines of any shape.

        `utilities` are each pair's, by `pair_utilities`; NaN, or none at all, where they are not known.
        """
        values = np.interp(self._as_good(cosines, utilities), self._cosines, self._similarities)
        return np.asarray(values, dtype=np.float32)

    def cosine(self, similarity: float, utility: float = math.nan) -> float:
        """The lowest cosine that earns it, for a pair of this utility; above 1 if none does."""
        good = float(np.interp(similarity, self._similarities, self._cosines))
        if math.isnan(utility) or not self.bands:
            return good
        (start,), (excess,) = self._tails(np.array([utility]))
        least, mean = self.tail
        return max(good, float(start + (good - least) * excess / mean))

    def _as_good(self, cosines: FloatArray, utilities: FloatArray | None) -> NDArray[np.float64]:
        """The cosines at which pairs of good faces have the same false match rates; never higher ones."""
        given = np.asarray(cosines, dtype=np.float64)
        if utilities is None or not self.bands:
            return given
        start, excess = self._tails(np.asarray(utilities, dtype=np.float64))
        least, mean = self.tail
        return np.where(np.isnan(utilities), given, np.minimum(given, least + (given - start) * mean / excess))

    def _tails(self, utilities: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The start and the mean excess of the tail for pairs of these utilities."""
        at, start, excess = np.array([*self.bands, (GOOD, *self.tail)]).T
        return np.interp(utilities, at, start), np.interp(utilities, at, excess)

    @property
    def tail(self) -> tuple[float, float]:
        """The cosine that TAIL of the pairs of good faces exceed, and the mean excess over it."""
        log_fmr, at = np.log([rate for _, rate in self.points])[::-1], [cosine for cosine, _ in self.points][::-1]
        least, far = np.interp(np.log([TAIL, TAIL / 100]), log_fmr, at)
        return float(least), float(far - least) / math.log(100)

    def false_match_rate(self, similarity: float) -> float:
        """How often two different people reach `similarity`; never lower than the table or the anchors can say."""
        log_fmr = np.interp(similarity, _ANCHOR_SIMILARITY[::-1], _ANCHOR_LOG_FMR[::-1])
        return max(float(10**log_fmr), self.points[-1][1])


def pair_utilities(first: FloatArray | float | None, second: FloatArray | float | None) -> FloatArray:
    """The utilities of pairs of faces: each that of the better one; of the one that is known, and NaN where neither is.

    Poor pictures of strangers look alike, but a poor picture does not look like a good one of somebody else.
    """
    both = [np.asarray(np.nan if each is None else each, np.float32) for each in (first, second)]
    return np.asarray(np.fmax(*both), np.float32)


def _check_bands(bands: tuple[tuple[float, float, float], ...]) -> None:
    for before, after in pairwise(bands):
        if not (before[0] < after[0] and before[1] >= after[1] and before[2] >= after[2]):
            raise ValueError(f"bands go from {list(before)} to {list(after)}; utility must rise, the others must not")
    for utility, start, excess in bands:
        if not (0 <= utility < GOOD and -1 <= start <= 1 and 0 < excess <= 1):
            raise ValueError(
                f"bands hold [{utility}, {start}, {excess}]; utilities lie in [0, {GOOD:g}), cosines in [-1, 1], "
                "excesses in (0, 1]"
            )


def _check(points: tuple[tuple[float, float], ...]) -> None:
    if len(points) < 2:
        raise ValueError(f"calibration is {[list(point) for point in points]}; it needs at least two points")
    if points[0][1] != 1.0:
        raise ValueError(f"calibration starts at false match rate {points[0][1]}; its first point must be at 1")
    for cosine, rate in points:
        if not (-1.0 <= cosine < 1.0 and 0.0 < rate <= 1.0):
            raise ValueError(
                f"calibration holds [{cosine}, {rate}]; cosines lie in [-1, 1) and false match rates in (0, 1]"
            )
    for before, after in pairwise(points):
        if not (before[0] < after[0] and before[1] > after[1]):
            raise ValueError(
                f"calibration goes from {list(before)} to {list(after)}; cosines must rise and false match rates fall"
            )
