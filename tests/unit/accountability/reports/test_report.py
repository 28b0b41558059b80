from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from regard.accountability.reports.report import period
from regard.errors import InvalidParameter


def test_a_period_lasts_to_the_end_of_its_last_day() -> None:
    found = period(date(2026, 11, 1), date(2026, 11, 30))
    assert found == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize("days", [(date.min, date(2026, 1, 1)), (date(2026, 1, 1), date.max)])
def test_days_that_nothing_can_be_of_are_refused(days: tuple[date, date]) -> None:
    with pytest.raises(InvalidParameter, match="Name days of the years 1970 to 9998"):
        period(*days)
