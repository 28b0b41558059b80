"""An evaluation, as one is kept."""

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
