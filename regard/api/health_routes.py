"""`/v1/health`: how this server fares, now and as it goes on; numbers, and nothing of anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import Header
from starlette.responses import Response

from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import Key, Shown
from regard.api.streaming import MEDIA, Streams, event
from regard.domain.authority import Action
from regard.domain.health import Health, LoadSlot, Present

#: As often as there is a new slot.
_LOOK_SECONDS = 5.0


class HealthReading(Protocol):
    """What reads a server's health, each time it is asked."""

    def whole(self) -> Health: ...

    def present(self) -> Present: ...

    def slots(self, after: int = 0, /) -> Sequence[LoadSlot]: ...


class IndexSizeShown(Shown):
    name: str
    vectors: int
    memory: int


class PresentShown(Shown):
    """The server now; memory in bytes, what the system does not tell null."""

    waiting: int
    running: int
    resident: int | None
    memory_left: int
    cpu_seconds: float | None
    open_files: int | None
    most_files: int | None
    indexes: list[IndexSizeShown]
    jobs: dict[str, int]
    oldest_job_seconds: float
    events_waiting: int


class DiskShown(Shown):
    """Bytes that it takes, if that is known, and those that are free where it is."""

    holds: str
    taken: int | None
    free: int
    size: int


class PackShown(Shown):
    """Models that belong together; `chosen` is whether the settings ask for them."""

    name: str
    models: list[str]
    missing: list[str]
    chosen: bool


class OperationLoadShown(Shown):
    """An operation since the server started; seconds, quantiles within a bucket of the metrics."""

    service: str
    operation: str
    answered: int
    failed: int
    mean: float
    p50: float
    p95: float
    p99: float


class ModelRunsShown(Shown):
    """A model's runs since the server started, and their mean in seconds."""

    model: str
    runs: int
    mean: float


class HealthShown(Shown):
    """A server: the one that answered, if there are several."""

    host: str
    started_at: datetime
    versions: dict[str, str]
    faults: list[str]
    collections: int
    faces: int
    present: PresentShown
    disks: list[DiskShown]
    packs: list[PackShown]
    operations: list[OperationLoadShown]
    models: list[ModelRunsShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRoutes:
    reading: HealthReading
    streams: Streams

    def routes(self) -> tuple[NativeRoute, ...]:
        read = Action.READ
        return (
            NativeRoute("GET", "/health", self.show, read, "How this server fares"),
            NativeRoute("GET", "/health/load", self.load, read, "Hear its load as it goes on", media=(MEDIA,)),
        )

    def show(self, call: Call) -> HealthShown:
        call.grant.require_all(Action.READ)
        return HealthShown.model_validate(self.reading.whole())

    def load(self, call: Call, last_event_id: Annotated[Key | None, Header()] = None) -> Response:
        """The last hour in slots of five seconds, or what came after `Last-Event-ID`; then each slot when it ends."""
        call.grant.require_all(Action.READ)
        return self.streams.answer(
            call.grant,
            b"\n",
            _Telling(self.reading, last_event_id or 0).next,
            _LOOK_SECONDS,
        )


@dataclass(slots=True)
class _Telling:
    """One who listens, and the last slot that they have heard of."""

    reading: HealthReading
    heard: int

    def next(self) -> bytes:
        slots = self.reading.slots(self.heard)
        self.heard = slots[-1].at if slots else self.heard
        told = {"present": asdict(self.reading.present()), "slots": [asdict(each) for each in slots]}
        return event("load", self.heard, told)
