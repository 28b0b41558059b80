"""Jobs done here and now, for a command: by the same tasks, without a database, a lease or another process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from regard.accountability.gate import Grant
from regard.domain.jobs import Chunk, Job, JobState, NewJob
from regard.engine.jobs.task import BY_TIME, ChunkResult, Item, JobFailed, Part, Plan, Task

#: Told how much is done, 0 to 1.
Told = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A job, and the grant for it."""

    job: NewJob
    grant: Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a job found: what its plan knew, and the items by the order's name."""

    kind: str
    metadata: Mapping[str, Any]
    orders: Mapping[str, list[Item]]

    @property
    def items(self) -> list[Item]:
        """By time, or as the task has them first."""
        return self.orders[BY_TIME]


@dataclass(slots=True)
class _Found:
    """What the chunks of one job have left."""

    items: list[Item] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def add(self, result: ChunkResult) -> None:
        self.items += result.items
        for name, count in result.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count


def done_here(task: Task, wanted: Sequence[Wanted], now: datetime, told: Told = lambda _: None) -> list[Done]:
    """Do these jobs on one object, in one pass. Raises JobFailed and any other RegardError of the first that fails."""
    jobs = [_job(each, number, now) for number, each in enumerate(wanted)]
    plans = [task.plan(job, each.grant) for job, each in zip(jobs, wanted, strict=True)]
    planned = [replace(job, metadata=plan.metadata) for job, plan in zip(jobs, plans, strict=True)]
    found = [_Found() for _ in jobs]
    together: dict[tuple[object, ...], list[int]] = {}
    for number, plan in enumerate(plans):
        together.setdefault(tuple(plan.spans), []).append(number)
    for passes, numbers in enumerate(together.values()):
        parts = [(planned[number], wanted[number].grant, found[number]) for number in numbers]
        _run(task, parts, plans[numbers[0]], partial(_told, told, passes, len(together)))
    endings = [task.finish(job, each) for job, each in zip(planned, found, strict=True)]
    return [
        Done(
            kind=job.kind,
            metadata=job.metadata,
            orders={BY_TIME: each.items} | {name: list(items) for name, items in ending.orders.items()},
        )
        for job, each, ending in zip(planned, found, endings, strict=True)
    ]


def _told(told: Told, before: int, parts: int, done: float, /) -> None:
    """Tell that of so many parts some are done, and a share of the next."""
    told((before + min(1.0, done)) / parts)


def _run(task: Task, parts: Sequence[tuple[Job, Grant, _Found]], plan: Plan, told: Told) -> None:
    """All chunks of a plan, one after another."""
    left: list[Mapping[str, Any]] = [{} for _ in parts]
    for number, span in enumerate(plan.spans):
        chunks = [Chunk(number=number, from_ms=span.from_ms, to_ms=span.to_ms, resume=resume) for resume in left]
        results = task.run(
            [Part(job=job, chunk=chunk, grant=grant) for (job, grant, _), chunk in zip(parts, chunks, strict=True)],
            partial(_told, told, number, len(plan.spans)),
        )
        for (_, _, found), result in zip(parts, results, strict=True):
            if isinstance(result, JobFailed):
                raise result
            found.add(result)
        left = [result.resume for result in results if not isinstance(result, JobFailed)]


def _job(wanted: Wanted, number: int, now: datetime) -> Job:
    new, grant = wanted.job, wanted.grant
    return Job(
        id=f"{number:064x}",
        kind=new.kind,
        caller=grant.caller,
        act=grant.act,
        person_id=grant.person_id,
        request=new.request,
        object=new.object,
        tag=None,
        channel=None,
        state=JobState.IN_PROGRESS,
        priority=0,
        progress=0.0,
        message=None,
        metadata={},
        created_at=now,
        finished_at=None,
        expires_at=now,
    )
