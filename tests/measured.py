"""Evaluations, as they are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from regard.domain.evaluations import (
    CurvePoint,
    ErrorRates,
    Evaluation,
    GroupRates,
    Rate,
    SearchRates,
    ThresholdRates,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
RATE = Rate(errors=1, trials=3, low=0.1, high=0.7, of="pairs")
AT = ThresholdRates(threshold=80.0, fmr=RATE, fnmr=RATE)
SEARCH = SearchRates(
    threshold=80.0,
    measured_size=2,
    fpir=RATE,
    fnir=RATE,
    gallery_size=10,
    fpir_expected=0.9,
    fpir_expected_low=0.5,
    fpir_expected_high=1.0,
)
EVERYBODY = GroupRates(
    column="",
    group="",
    people=3,
    pictures=6,
    thresholds=(AT,),
    curve=(CurvePoint(similarity=50.0, fmr=0.1, fnmr=0.2),),
)
MEASURED = Evaluation(
    id="evaluation-1",
    name="staff.csv",
    face_model="m1",
    collection=None,
    measured_by="p1",
    measured_at=NOW,
    without_face=2,
    unread={"too small": 1},
    rates=ErrorRates(
        everybody=EVERYBODY,
        groups=(replace(EVERYBODY, column="sex", group="f"),),
        withheld=("sex: m",),
        searches=(SEARCH,),
    ),
)


def rate(errors: int, trials: int, of: str) -> Rate:
    return Rate(errors=errors, trials=trials, low=0.5 * errors / trials, high=(2 * errors + 3) / trials, of=of)


def group(column: str, name: str, people: int) -> GroupRates:
    strangers, mates = "pairs of different people", "pairs of one person"
    thresholds = [
        ThresholdRates(threshold=each, fmr=rate(3, 90_000, strangers), fnmr=rate(people, 900, mates))
        for each in (80.0, 99.0)
    ]
    curve = [CurvePoint(similarity=10.0 * step, fmr=10.0**-step, fnmr=0.01 * step) for step in range(1, 6)]
    return GroupRates(
        column=column,
        group=name,
        people=people,
        pictures=3 * people,
        thresholds=tuple(thresholds),
        curve=tuple(curve),
    )


def of_spring(evaluation_id: str, person_id: str, face_model: str) -> Evaluation:
    """An evaluation of 40 people before two cameras; of a third there were too few."""
    found = rate(2, 80, "searches")
    searches = replace(SEARCH, measured_size=40, fpir=found, fnir=found, gallery_size=300_000)
    rates = ErrorRates(
        everybody=group("", "", 40),
        groups=(group("camera", "door", 26), group("camera", "yard", 14)),
        withheld=("camera: roof",),
        searches=(searches,),
    )
    return replace(
        MEASURED,
        id=evaluation_id,
        name="Spring",
        face_model=face_model,
        measured_by=person_id,
        measured_at=datetime.now(UTC),
        unread={"too large": 1},
        rates=rates,
    )
