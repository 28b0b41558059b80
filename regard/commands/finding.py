"""What `regard doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line. `remedy` is what to do about a problem; None if there is none. `changed` says that somebody has set it
    to something else than the default."""

    about: str
    value: str
    remedy: str | None = None
    changed: bool = False
