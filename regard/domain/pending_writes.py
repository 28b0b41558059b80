"""What an answer waits for without its thread: writes left to another thread, and on disk before the answer leaves.

Whoever makes an answer in a thread and can wait for its writes elsewhere says so by `PendingWrites.collect`. A thread
that nobody has said that of waits for its writes by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class PendingWrites:
    """What one answer has to wait for."""

    def __init__(self) -> None:
        #: Each ends when it is on disk, or with the RegardError that the answer is then.
        self.writes: list[Future[None]] = []

    def collect(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, in this thread; what it leaves to be written is in `writes`."""
        before, _HERE.pending = _HERE.pending, self
        try:
            return work()
        finally:
            _HERE.pending = before


class _Here(threading.local):
    """For which answer the current thread works."""

    pending: PendingWrites | None = None


_HERE = _Here()


def of_this_thread() -> PendingWrites | None:
    """Where this thread may leave what it would wait for; None if it has to wait itself."""
    return _HERE.pending
