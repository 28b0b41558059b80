"""The observer of the HTTP doors: what it is told of every request, and nothing of what is in one."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from regard.domain.reporting import RequestRecord


class Observer(Protocol):
    """Told by every door, from the event loop and from the threads; quick, and never raises."""

    def waiting(self, requests: int) -> None:
        """How many requests are waiting for a thread now."""

    def performing(self, operation: str, request_id: str, /) -> AbstractContextManager[object]:
        """Around the operation itself, in its thread."""

    def answered(self, record: RequestRecord) -> None:
        """One request has been answered, whatever the answer is."""


class NullObserver:
    """Ignores everything it is told."""

    def waiting(self, requests: int) -> None:
        pass

    def performing(self, _operation: str, _request_id: str, /) -> AbstractContextManager[object]:
        return nullcontext()

    def answered(self, record: RequestRecord) -> None:
        pass
