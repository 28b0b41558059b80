"""Error rates that were measured on labelled pictures, and what they hold for.

Terms are those of ISO/IEC 19795-1: FMR and FNMR are of comparisons of two pictures, FPIR and FNIR of searches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

#: Of a hundred intervals that are given with rates, so many hold the true one.
CONFIDENCE = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something went wrong: `errors` of `trials`, and the interval that the true rate is in. `of` says what
    was tried ("pairs of different people")."""

    errors: int
    trials: int
    low: float
    high: float
    of: str

    @property
    def value(self) -> float:
        """The rate that was seen; 0 without a trial."""
        return self.errors / self.trials if self.trials else 0.0

    def __str__(self) -> str:
        if not self.trials:
            return f"not measured: no {self.of}"
        if not self.errors:
            return f"0 of {self.trials:,} {self.of}: at most {scientific(self.high)}"
        return f"{scientific(self.value)} ({scientific(self.low)} to {scientific(self.high)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRates:
    """The errors of comparisons at a threshold of similarity (0 to 100)."""

    threshold: float
    fmr: Rate
    fnmr: Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRates:
    """The errors of searches at a threshold. `fpir` and `fnir` were counted in galleries of `measured_size` people;
    `fpir_expected` is by the formula 1 - (1 - FMR)^N for a gallery of `gallery_size` faces, with its interval."""

    threshold: float
    measured_size: int
    fpir: Rate
    fnir: Rate
    gallery_size: int
    fpir_expected: float
    fpir_expected_low: float
    fpir_expected_high: float

    @property
    def measured(self) -> bool:
        """Whether galleries as large as the one in question were searched."""
        return self.measured_size >= self.gallery_size


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A point of the DET curve: at this similarity so many strangers match, and so many mates do not."""

    similarity: float
    fmr: float
    fnmr: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRates:
    """The rates among those whom the operator's own labels put into one group; false matches are those of two people
    of the group. `column` and `group` are "" for everybody."""

    column: str
    group: str
    people: int
    pictures: int
    thresholds: tuple[ThresholdRates, ...]
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRates:
    """What an evaluation found. `withheld` are groups of too few people to be told."""

    everybody: GroupRates
    groups: tuple[GroupRates, ...]
    withheld: tuple[str, ...]
    searches: tuple[SearchRates, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Error rates as they are kept: with the face model, the collection they were measured for, and how many pictures
    showed no usable face (`without_face`) or could not be read (`unread`, by reason). Nothing else of them is kept."""

    id: str
    name: str
    face_model: str
    collection: str | None
    measured_by: str | None
    measured_at: datetime
    without_face: int
    unread: Mapping[str, int]
    rates: ErrorRates


def scientific(rate: float) -> str:
    """A rate with two digits: 0.12 as 12 %, small ones as 1.2e-04 is written."""
    if rate == 0 or rate >= 1e-2:
        return f"{100 * rate:.3g} %"
    digits, exponent = f"{rate:.1e}".split("e")
    return f"{digits}e{int(exponent)}"
