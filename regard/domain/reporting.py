"""How long work, the recognition path and the HTTP doors report what they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from regard.domain.callers import Principal


class Progress(Protocol):
    """How long work reports itself: `total` may be None while it is unknown."""

    def __call__(self, description: str, done: int, total: int | None) -> None: ...


class Meter(Protocol):
    """Told what the recognition path did, from any thread; quick, and never raises."""

    def model_ran(self, model: str, seconds: float) -> None: ...

    def faces_found(self, count: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where an index and SQL differ, in words; `collection_key` says of which collection, if it is of one."""

    text: str
    collection_key: int | None = None

    def __str__(self) -> str:
        return self.text if self.collection_key is None else f"collection {self.collection_key}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """How one HTTP request ended, and nothing of what was in it.

    `operation` is empty if the service has none of the name asked for; `code` is that of the error, None without one,
    and `detail` what it says beside its message. `seconds` run from the request's head to its answer, `waited` is the
    part of them spent waiting for a thread; `received` and `sent` are the bytes of both bodies.
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
    detail: str | None = None
