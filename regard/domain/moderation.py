"""Content of an image that some would not have shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationLabel:
    """A label of Rekognition's moderation taxonomy. `confidence` is 0..100; `level` 1 is the uppermost, whose `parent`
    is empty."""

    name: str
    confidence: float
    level: int = 1
    parent: str = ""
