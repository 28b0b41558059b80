"""Instants as whole numbers: exact, and the same in every database and file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Since 1970 UTC."""
    return (moment - EPOCH) // _MICROSECOND


def instant(microseconds: int) -> datetime:
    """The inverse of `microseconds`."""
    return EPOCH + microseconds * _MICROSECOND


#: What a record of a face can be dated: from 1970 until before 2100, so that every client can read it.
EARLIEST, LATEST = 0, microseconds(datetime(2100, 1, 1, tzinfo=UTC)) - 1
