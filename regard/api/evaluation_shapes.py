"""Error rates, as they are answered: the same as `regard evaluations show --json` has."""

from __future__ import annotations

from datetime import datetime

from regard.api.shapes import Shown


class RateShown(Shown):
    """`errors` of `trials`, and the interval that holds the true rate in 95 of 100 such measurements."""

    errors: int
    trials: int
    low: float
    high: float
    of: str


class ThresholdRatesShown(Shown):
    """The errors of comparisons at a similarity."""

    threshold: float
    fmr: RateShown
    fnmr: RateShown


class SearchRatesShown(Shown):
    """The errors of searches at a similarity: counted among `measured_size` people, and by formula among
    `gallery_size`."""

    threshold: float
    measured_size: int
    fpir: RateShown
    fnir: RateShown
    gallery_size: int
    fpir_expected: float
    fpir_expected_low: float
    fpir_expected_high: float


class CurvePointShown(Shown):
    """At this similarity so many strangers match, and so many mates do not."""

    similarity: float
    fmr: float
    fnmr: float


class GroupRatesShown(Shown):
    """The rates of one group; of everybody, `column` and `group` are empty."""

    column: str
    group: str
    people: int
    pictures: int
    thresholds: list[ThresholdRatesShown]
    curve: list[CurvePointShown]


class ErrorRatesShown(Shown):
    """`withheld` are groups of too few people to be told."""

    everybody: GroupRatesShown
    groups: list[GroupRatesShown]
    withheld: list[str]
    searches: list[SearchRatesShown]


class MeasuredShown(Shown):
    """An evaluation: what was measured, with which face model, for which collection, and what was left out."""

    id: str
    name: str
    face_model: str
    collection: str | None
    measured_by: str | None
    measured_at: datetime
    without_face: int
    unread: dict[str, int]
    rates: ErrorRatesShown
