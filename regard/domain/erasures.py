"""Erasures: what was erased, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureReceipt:
    """What was erased, why and when; `facts` holds counts and ids. `erased_by` is None for the sweeper."""

    id: str
    kind: str
    reason: str
    facts: Mapping[str, Any]
    erased_by: str | None
    erased_at: datetime
