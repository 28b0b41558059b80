"""Jobs: work that outlives the request that asked for it, and whoever does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from regard.domain.authority import Act, Caller

#: Priorities are between this and its negative.
MOST_PRIORITY = 100


class JobState(StrEnum):
    """What becomes of a job. The last three are the ends."""

    QUEUED = "QUEUED"
    IN_PROGRESS = "IN_PROGRESS"
    PAUSED = "PAUSED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)

    @property
    def told(self) -> str:
        """The JobStatus that AWS's clients know: IN_PROGRESS, SUCCEEDED or FAILED."""
        if not self.ended:
            return "IN_PROGRESS"
        return "SUCCEEDED" if self is JobState.SUCCEEDED else "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """The object that a job is about, as it was when the job was asked for: it must still have that ETag when it is
    read. `size` is in bytes."""

    bucket: str
    name: str
    version: str | None = None
    etag: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationChannel:
    """The SNS topic that the client wants to be told at."""

    topic_arn: str
    role_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What a client asks for. `kind` names the task ("LABEL_DETECTION"); `request` is plain JSON."""

    kind: str
    request: Mapping[str, Any]
    object: StoredObject
    tag: str | None = None
    channel: NotificationChannel | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it is now.

    `caller` and `act` are what the gate granted when it was asked for; each chunk asks the gate for them again. Of jobs
    with the same `priority` those that came first go first; a higher one goes before. `progress` is 0 to 1. `metadata`
    is what the plan found out; `message` says why it failed. `expires_at` is when its results are erased.
    """

    id: str
    kind: str
    caller: Caller
    act: Act
    person_id: str | None
    request: Mapping[str, Any]
    object: StoredObject
    tag: str | None
    channel: NotificationChannel | None
    state: JobState
    priority: int
    progress: float
    message: str | None
    metadata: Mapping[str, Any]
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime

    @property
    def operation(self) -> str:
        """What was asked for, such as StartLabelDetection."""
        return self.act.operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a job that is done or lost as a whole: the looks from `from_ms` up to, not including, `to_ms`.

    `attempt` is the number of this try, from 1. `resume` is what the chunk before left, where the plan's are done in
    order: boxes and numbers, never an embedding, for it is on disk.
    """

    number: int
    from_ms: int
    to_ms: int
    attempt: int = 1
    resume: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """Whom to tell: `target` is how (sns, webhook, file), `address` where; `body` is JSON."""

    target: str
    address: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event and its deliveries. `id` is the same in each try, so that a receiver knows what came twice. `tries` says
    of each when it was and how it went."""

    id: str
    job_id: str
    target: str
    address: str
    body: str
    count: int
    next_try: datetime
    done_at: datetime | None
    tries: Sequence[dict[str, Any]]
