"""Which profile the whole installation is under, as its database remembers it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledProfile:
    """The profile of the whole installation, with what is laid over it; and the one before, if that demanded more.
    `chosen` is whether its first administrator chose it, and nobody has set another since."""

    name: str
    since: datetime
    before: str | None = None
    chosen: bool = False
