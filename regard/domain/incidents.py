"""Incidents: what went wrong, and who is to be told of it by when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """That somebody is to be told, and by when; `reference` says how they were."""

    key: int
    recipient: str
    due_at: datetime
    notified_at: datetime | None
    notified_by: str | None
    reference: str | None

    def overdue(self, now: datetime) -> bool:
        return self.notified_at is None and self.due_at < now


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What went wrong, who was told, and how it ended. `opened_by` is None for what the machine noticed."""

    id: str
    kind: str
    severity: str
    description: str
    facts: Mapping[str, Any]
    opened_by: str | None
    opened_at: datetime
    closed_by: str | None = None
    closed_at: datetime | None = None
    resolution: str | None = None
    notices: tuple[Notice, ...] = ()

    def overdue(self, now: datetime) -> bool:
        """Whether somebody should have been told by now, and was not."""
        return any(each.overdue(now) for each in self.notices)
