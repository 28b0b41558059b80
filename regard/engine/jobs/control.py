"""Jobs as people mind them, with their chunks and what was told of them: everybody's for whoever oversees the system,
or where nobody is known; their own for everybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.jobs import Event, Job, JobState
from regard.domain.people import Holder, Role
from regard.engine.jobs.endings import Endings
from regard.engine.jobs.queue import MOST_JOBS
from regard.engine.jobs.task import BY_TIME
from regard.errors import InvalidParameter, LimitExceeded, ResourceNotFound
from regard.store.chunk_rows import ChunkState
from regard.store.job_result_rows import JobResultRows
from regard.store.outbox_rows import OutboxRows
from regard.store.result_bodies import ItemPage

#: How much of an id is enough, where it is nobody else's.
_LEAST_ID = 4
#: Items that a timeline is made of: a film of hours has fewer. And how many are read at once.
_MOST_ITEMS, _READ_ITEMS = 1_000_000, 5000
_OVERSEEING = frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.OVERSEER})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """All there is to know of a job."""

    job: Job
    chunks: Sequence[ChunkState]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHealth:
    """How many jobs there are in each state, how long the oldest has waited to begin, and how many events have not
    arrived."""

    counts: Mapping[str, int]
    waiting: timedelta
    undelivered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs: in one of these states, of one of these kinds, about the object of that bucket and name; any where
    there is nothing said. They are those before the job of the id `before`."""

    states: Sequence[JobState] = ()
    kinds: Sequence[str] = ()
    place: tuple[str, str] | None = None
    before: str | None = None


class JobControl:
    """List, show, cancel, pause, resume, retry and prioritise jobs. An id may be shortened to what only one job begins
    with."""

    def __init__(self, endings: Endings, outbox: OutboxRows, results: JobResultRows) -> None:
        self._endings = endings
        self._jobs = endings.jobs
        self._outbox = outbox
        self._results = results

    def all(self, grant: Grant, chosen: JobFilter, most: int) -> list[Job]:
        """Up to `most` of the jobs that the caller may see, the newest first."""
        grant.require(grant.act.action)
        last = None if chosen.before is None else self._find(grant, chosen.before)
        everybody = sees_all(grant)
        found = self._jobs.newest(
            most,
            owner=owner_of(grant),
            states=chosen.states,
            kinds=chosen.kinds,
            place=chosen.place,
            before=None if last is None else (last.created_at, last.id),
        )
        return found if everybody else [each for each in found if not self._is_over(each)]

    def show(self, grant: Grant, job_id: str) -> JobFile:
        """Raises ResourceNotFound."""
        grant.require(grant.act.action)
        job = self._find(grant, job_id)
        return JobFile(job=job, chunks=self._endings.chunks.of_job(job.id), events=self._outbox.of_job(job.id))

    def results(self, grant: Grant, job_id: str, after: int, most: int) -> ItemPage:
        """Up to `most` items of the caller's job, by time, those whose place is above `after` (0 begins). Those of
        erased faces are left out. Raises ResourceNotFound, also for somebody else's where people are known."""
        return self._results.page(self._own(grant, job_id).id, BY_TIME, after, most)

    def timeline(self, grant: Grant, job_id: str) -> tuple[Job, list[Mapping[str, Any]]]:
        """The caller's job, and all that it found; nothing of one that has not succeeded. Raises as `results`."""
        job = self._own(grant, job_id)
        items: list[Mapping[str, Any]] = []
        page = ItemPage(more=True)
        while page.more and len(items) < _MOST_ITEMS:
            page = self._results.page(job.id, BY_TIME, page.last, _READ_ITEMS)
            items += page.shapes()
        return job, items

    def health(self, grant: Grant) -> JobHealth:
        """How many jobs wait and fail, and what was not told."""
        grant.require(grant.act.action)
        oldest = self._jobs.oldest_waiting()
        return JobHealth(
            counts=self._jobs.counts(),
            waiting=timedelta() if oldest is None else max(self._endings.clock() - oldest, timedelta()),
            undelivered=self._outbox.waiting(),
        )

    def cancel(self, grant: Grant, job_id: str) -> Job:
        """End it and erase what it found so far. Raises InvalidParameter for one that has ended."""
        job = self._asked(grant, job_id)
        if not self._endings.cancel(job):
            raise InvalidParameter(f"The job {job.id} has ended already: {self._find(grant, job.id).state}.")
        return self._find(grant, job.id)

    def pause(self, grant: Grant, job_id: str) -> Job:
        """Let it rest; the chunk that is worked on is done again later. Raises InvalidParameter."""
        return self._changed(grant, job_id, (JobState.QUEUED, JobState.IN_PROGRESS), JobState.PAUSED)

    def resume(self, grant: Grant, job_id: str) -> Job:
        """Let one that was paused go on. Raises InvalidParameter."""
        return self._changed(grant, job_id, (JobState.PAUSED,), JobState.QUEUED)

    def retry(self, grant: Grant, job_id: str) -> Job:
        """Let one that failed or was cancelled go on where it was, or begin again.

        Raises InvalidParameter, and LimitExceeded where as many of whoever asked for it have not ended as may."""
        job = self._asked(grant, job_id)
        with self._jobs.database.write():
            held = self._jobs.unended(job.caller.principal.access_key_id)
            if not self._jobs.retry(job.id):
                raise InvalidParameter(
                    f"The job {job.id} is {job.state}: only one that failed or was cancelled is retried."
                )
            if held >= MOST_JOBS:
                raise LimitExceeded(
                    f"{held} jobs of whoever asked for {job.id} have not ended, and no more may at once: wait for one "
                    "to end, or cancel one."
                )
        return self._find(grant, job.id)

    def prioritise(self, grant: Grant, job_id: str, priority: int) -> Job:
        """Let it go before those of a lower priority. Raises InvalidParameter for one that has ended."""
        job = self._asked(grant, job_id)
        if not self._jobs.prioritise(job.id, priority):
            raise InvalidParameter(f"The job {job.id} has ended already: {job.state}.")
        return self._find(grant, job.id)

    def _changed(self, grant: Grant, job_id: str, before: Sequence[JobState], after: JobState) -> Job:
        job = self._asked(grant, job_id)
        if not self._jobs.change(job.id, before, after):
            raise InvalidParameter(f"The job {job.id} is {job.state}, and so it cannot become {after}.")
        return self._find(grant, job.id)

    def _asked(self, grant: Grant, job_id: str) -> Job:
        grant.require(grant.act.action)
        job = self._find(grant, job_id)
        grant.note(job=job.id)
        return job

    def _own(self, grant: Grant, job_id: str) -> Job:
        """The caller's own job, whose results are theirs alone where people are known."""
        grant.require(grant.act.action)
        job = self._find(grant, job_id)
        holder = grant.mandate.holder
        if not (is_own(grant, job) or holder is None) or self._is_over(job) or _searched_once(holder, job):
            raise _none(job_id)
        grant.note(job=job.id)
        return job

    def _is_over(self, job: Job) -> bool:
        return job.state.ended and job.expires_at <= self._endings.clock()

    def _find(self, grant: Grant, job_id: str) -> Job:
        """Raises ResourceNotFound also for one that the caller may not see: they do not learn that it is there."""
        found = self._jobs.beginning(job_id, owner_of(grant)) if len(job_id) >= _LEAST_ID else []
        if len(found) > 1:
            raise InvalidParameter(f"Several jobs begin with {job_id}; say more of the id.")
        job = self._jobs.get(found[0]) if found else None
        if job is None or not (is_own(grant, job) or sees_all(grant)):
            raise _none(job_id)
        return job


def _searched_once(holder: Holder | None, job: Job) -> bool:
    """Whether it is a search, and whoever asks what it found may not search any more."""
    return holder is not None and job.act.action is Action.SEARCH and Role.SEARCHER not in holder.roles


def owner_of(grant: Grant) -> tuple[str, str | None] | None:
    """Whose jobs the caller may see; None for everybody's."""
    return None if sees_all(grant) else (grant.caller.principal.access_key_id, grant.person_id)


def sees_all(grant: Grant) -> bool:
    """Whether everybody's jobs are shown: to whoever oversees the system, and where nobody is known."""
    holder = grant.mandate.holder
    return holder is None or bool(holder.roles & _OVERSEEING)


def is_own(grant: Grant, job: Job) -> bool:
    """Whether the caller asked for it: by the same access key, or as the same person."""
    same = job.caller.principal.access_key_id == grant.caller.principal.access_key_id
    return same or (job.person_id is not None and job.person_id == grant.person_id)


def _none(job_id: str) -> ResourceNotFound:
    return ResourceNotFound(f"There is no job {job_id}. `regard jobs list` shows those there are.")
