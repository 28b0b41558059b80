"""Thresholds of collections that differ from their profile's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdChange:
    """Another lowest similarity (0 to 100) for a collection. One that is below the profile's `threshold_before` has no
    effect before another person has approved it, and belongs to an evaluation."""

    key: int
    collection_key: int
    threshold_before: float
    threshold: float
    reason: str
    evaluation_id: str | None
    requested_by: str
    requested_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
