"""Who watches the endpoint: what it tells them of every request, and nothing of what is in one."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from regard.domain.callers import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """How one request ended. `operation` is empty where the service has no such; `code` is an error's.

    `seconds` count from the request's head to its answer, `waited` those of them spent waiting for a thread;
    `received` and `sent` are bytes.
    """

    request_id: str
    service: str
    operation: str
    principal: Principal | None
    status: int
    code: str | None
    seconds: float
    waited: float
    received: int
    sent: int


class Observer(Protocol):
    """Told by the endpoint, from its event loop and its threads; quick, and never raises."""

    def waiting(self, requests: int) -> None:
        """How many requests wait for a thread now."""

    def performing(self, operation: str, request_id: str, /) -> AbstractContextManager[object]:
        """Around the operation itself, in its thread."""

    def answered(self, answer: RequestRecord) -> None:
        """One request has its answer, whatever it is."""


class NullObserver:
    """NullObserver watches."""

    def waiting(self, requests: int) -> None:
        pass

    def performing(self, _: str, __: str, /) -> AbstractContextManager[object]:
        return nullcontext()

    def answered(self, answer: RequestRecord) -> None:
        pass
