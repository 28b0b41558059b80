"""How many requests may be inside at once, and how heavy: what exceeds that is turned away before it is read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from regard.errors import SettingsError, Throttling

#: The longest body that is ever read. A body of undeclared length counts as one of these; SDKs declare theirs.
LONGEST_BODY_BYTES = 16 * 1024 * 1024


class Admission:
    """Admits `running` requests to be worked on and `waiting` more to wait; their bodies have `most_bytes` together.

    Any number of HTTP doors may share one. For one event loop: it neither waits nor locks. Raises SettingsError if
    `waiting` is below 0.
    """

    def __init__(self, *, running: float, waiting: float, most_bytes: float) -> None:
        if waiting < 0:
            raise SettingsError(f"queue is {waiting}; the number of requests that may wait must be 0 or more")
        self._running = running
        self._room = running + waiting
        self._most_bytes = most_bytes
        self._inside = 0
        self._bytes = 0

    @classmethod
    def unlimited(cls) -> Self:
        """Turns no request away."""
        return cls(running=math.inf, waiting=math.inf, most_bytes=math.inf)

    @contextmanager
    def enter(self, size: int | None) -> Iterator[None]:
        """Hold a place for a request whose body has `size` bytes, None if undeclared. Raises Throttling when full."""
        weight = LONGEST_BODY_BYTES if size is None else min(size, LONGEST_BODY_BYTES)
        if self._inside >= self._room or self._bytes + weight > self._most_bytes:
            raise Throttling("Slow down; as many requests are waiting as this server takes.")
        self._inside += 1
        self._bytes += weight
        try:
            yield
        finally:
            self._inside -= 1
            self._bytes -= weight

    @property
    def waiting(self) -> float:
        """How many requests are inside beyond those that can be worked on at once."""
        return max(0, self._inside - self._running)
