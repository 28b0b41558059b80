"""How many requests may be inside at once, and how heavy: what comes beyond that is turned away before it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from regard.errors import SettingsError, Throttling

#: The longest body that is read: what one of undeclared length counts for (SDKs declare theirs), and any at most.
LONGEST = 16 * 1024 * 1024


class Admission:
    """`running` requests are worked on, `waiting` more may wait, and their bodies have `most_bytes` together.

    For one event loop: nothing in it waits or locks.
    """

    def __init__(self, *, running: int, waiting: int, most_bytes: int) -> None:
        if waiting < 0:
            raise SettingsError(f"queue is {waiting}: the number of requests that may wait is 0 or more")
        self._running = running
        self._room = running + waiting
        self._most_bytes = most_bytes
        self._inside = 0
        self._bytes = 0

    @contextmanager
    def enter(self, size: int | None) -> Iterator[None]:
        """Be inside with a body of `size` bytes, None where that is not declared. Raises Throttling when it is full."""
        weight = LONGEST if size is None else min(size, LONGEST)
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
    def waiting(self) -> int:
        """How many are inside beyond those that can be worked on at once."""
        return max(0, self._inside - self._running)
