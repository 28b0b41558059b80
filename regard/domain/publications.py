"""What was told the public, of which time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A report as it was published: of the time from `since` to before `until`. `content` is what it says."""

    id: str
    kind: str
    since: datetime
    until: datetime
    content: Mapping[str, Any]
    published_by: str | None
    published_at: datetime
