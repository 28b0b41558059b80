"""How a server fares: what it has answered lately and how fast, what it runs on, and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSlot:
    """A few seconds, which began `at` (POSIX seconds): requests answered, those of them that the server failed at, and
    that it refused for want of room; half, 95 and 99 of 100 took at most so many seconds (None without an answer); and
    how many waited for a thread at most."""

    at: int
    answered: int
    failed: int
    refused: int
    p50: float | None
    p95: float | None
    p99: float | None
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationLoad:
    """An operation since the server started. The mean is exact; quantiles, in seconds, are within a bucket."""

    service: str
    operation: str
    answered: int
    failed: int
    mean: float
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRuns:
    """A model's runs since the server started, by its card, and their mean in seconds."""

    model: str
    runs: int
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSize:
    """An embedded index: the vectors it holds, and the bytes of memory that it takes."""

    name: str
    vectors: int
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A server now. Memory in bytes; what the system does not tell is None."""

    waiting: int
    running: int
    resident: int | None
    memory_left: int
    cpu_seconds: float | None
    open_files: int | None
    most_files: int | None
    indexes: Sequence[IndexSize]
    jobs: Mapping[str, int]
    oldest_job_seconds: float
    events_waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where something is kept: bytes that it takes, where that is known, and that are free there."""

    holds: str
    taken: int | None
    free: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Models that belong together, and those of them that are missing; whether the settings ask for it."""

    name: str
    models: Sequence[str]
    missing: Sequence[str]
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """All of one server. `versions` are by name; `faults` say in words what keeps it from being ready."""

    host: str
    started_at: datetime
    versions: Mapping[str, str]
    faults: Sequence[str]
    collections: int
    faces: int
    present: Present
    disks: Sequence[Disk]
    packs: Sequence[Pack]
    operations: Sequence[OperationLoad]
    models: Sequence[ModelRuns]
