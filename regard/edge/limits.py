"""What may turn a request away before its operation runs, as the endpoint sees it; here, nothing does."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from regard.domain.callers import Principal


class RateLimiter(Protocol):
    """How often each principal may call; asked in the threads of the requests."""

    def check(self, principal: Principal, operation: str, /) -> None:
        """Count one call. Raises the RegardError that says it is one too many."""


class Admission(Protocol):
    """How many requests, and how much of them, the server holds; asked on the event loop."""

    def enter(self, size: int | None, /) -> AbstractContextManager[object]:
        """Room for a body of `size` bytes (None: nobody said) until it is answered. Raises Throttling without any."""

    @property
    def waiting(self) -> int: ...


class NullRateLimiter:
    """Everybody may call as often as they like."""

    def check(self, _: Principal, __: str, /) -> None:
        pass


class NullAdmission:
    """There is room for every request."""

    waiting = 0

    def enter(self, _: int | None, /) -> AbstractContextManager[object]:
        return nullcontext()
