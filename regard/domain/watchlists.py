"""Watch-lists: collections that were made for one deployment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchlist:
    """A watch-list: how many faces it holds and may hold, its deployment, when it goes, and who has been through it."""

    collection: str
    faces: int
    authorisation_id: str | None
    most_faces: int | None
    ends_at: datetime | None
    reviewed_by: str | None
    reviewed_at: datetime | None
