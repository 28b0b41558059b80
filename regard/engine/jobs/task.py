"""What a kind of job must provide: a plan, the work on one chunk, and an ending. Nothing here knows of video.

An item is what a job finds: a plain JSON object. `at` is its time in ms. Members that begin with a capital letter are
what a client gets; the others, such as `at`, are for sorting and are left out of a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from regard.accountability.gate import Grant
from regard.domain.jobs import Chunk, Job
from regard.errors import RegardError

Item = Mapping[str, Any]

#: The order that every job's results have without a task's doing: as they were found, chunk by chunk.
BY_TIME = "TIMESTAMP"


class JobFailed(RegardError):
    """The job cannot succeed, however often it is tried; the message is told to the client as StatusMessage."""


class Stopped(Exception):
    """The work is wanted no more: its jobs were cancelled or paused, or others do it by now. Let it through."""


class Beat(Protocol):
    """To be called often, at least every few seconds: it says that the work goes on, and finds out whether it is to."""

    def __call__(self, progress: float, /) -> None:
        """`progress` is 0 to 1 of this chunk. Raises Stopped once no job wants it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A chunk-to-be, in ms."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a job is cut. Of the same object all kinds of job should be cut alike: those that are share one pass.

    Chunks `in_order` are done one after another, and each gets the `resume` of the one before; others at once.
    """

    spans: Sequence[Span]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    in_order: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One job's part in a pass over a chunk. The grant is its own, fresh from the gate, and ends with the pass."""

    job: Job
    chunk: Chunk
    grant: Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkResult:
    """What a chunk gave: items by time, what the next chunk begins with, and counts, which are summed over chunks."""

    items: Sequence[Item]
    resume: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


class Found(Protocol):
    """Everything that a job found."""

    @property
    def counts(self) -> Mapping[str, int]:
        """The sums of all chunks' counts."""

    def __iter__(self) -> Iterator[Item]:
        """The items by time, read chunk by chunk; may be begun again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnding:
    """Orders other than by time, by name (such as "NAME"), each read once and lazily; `sorting.ordered` makes one."""

    orders: Mapping[str, Iterable[Item]] = field(default_factory=dict)
    message: str | None = None


class Task(Protocol):
    """One kind of job, or several that share a pass. Made in a process of its own, which it may bring down."""

    def plan(self, job: Job, grant: Grant) -> Plan:
        """Look at the object and cut the job. Raises JobFailed."""

    def run(self, parts: Sequence[Part], beat: Beat) -> Sequence[ChunkResult | JobFailed]:
        """One pass over one chunk of one object, for all jobs that want it; one result for each, in order.

        Raises Stopped as `beat` does, and JobFailed for a fault of the object. After an InternalServerError, which may
        pass, the chunk is tried again, three times in all; any other RegardError ends the jobs, and AccessDenied or
        ExpiredToken erases what they found.
        """

    def finish(self, job: Job, found: Found) -> JobEnding:
        """The end of a job whose chunks are all done. Raises JobFailed."""
