"""Suspensions: what is stopped, by whom and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """`kind` is everything, collection, person or authorisation; `subject` is its id, "" for everything."""

    key: int
    kind: str
    subject: str
    reason: str
    started_by: str | None
    started_at: datetime
    ended_by: str | None = None
    ended_at: datetime | None = None
