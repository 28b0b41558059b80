"""How long work and the recognition path report what they do."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """How long work reports itself: `total` may be None while it is unknown."""

    def __call__(self, description: str, done: int, total: int | None) -> None: ...


class Meter(Protocol):
    """Told what the recognition path did, from any thread; quick, and never raises."""

    def model_ran(self, model: str, seconds: float) -> None: ...

    def faces_found(self, count: int) -> None: ...
