"""Jobs as the operator minds them: everybody's, with their chunks and what was told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from regard.accountability.gate import Grant
from regard.domain.jobs import Event, Job, JobState
from regard.engine.jobs.endings import Endings
from regard.errors import InvalidParameter, ResourceNotFound
from regard.store.chunk_rows import ChunkState
from regard.store.outbox_rows import OutboxRows

#: How much of an id is enough, where it is nobody else's.
_LEAST_ID = 4


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


class JobControl:
    """List, show, cancel, pause, resume and retry jobs. An id may be shortened to what only one job begins with."""

    def __init__(self, endings: Endings, outbox: OutboxRows) -> None:
        self._endings = endings
        self._jobs = endings.jobs
        self._outbox = outbox

    def all(self, grant: Grant, states: Sequence[JobState], most: int) -> list[Job]:
        """Up to `most` jobs in these states, or in any; the newest first."""
        grant.require(grant.act.action)
        return self._jobs.newest(most, states=states)

    def show(self, grant: Grant, job_id: str) -> JobFile:
        """Raises ResourceNotFound."""
        grant.require(grant.act.action)
        job = self._find(job_id)
        return JobFile(job=job, chunks=self._endings.chunks.of_job(job.id), events=self._outbox.of_job(job.id))

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
            raise InvalidParameter(f"The job {job.id} has ended already: {self._find(job.id).state}.")
        return self._find(job.id)

    def pause(self, grant: Grant, job_id: str) -> Job:
        """Let it rest; the chunk that is worked on is done again later. Raises InvalidParameter."""
        return self._changed(grant, job_id, (JobState.QUEUED, JobState.IN_PROGRESS), JobState.PAUSED)

    def resume(self, grant: Grant, job_id: str) -> Job:
        """Let one that was paused go on. Raises InvalidParameter."""
        return self._changed(grant, job_id, (JobState.PAUSED,), JobState.QUEUED)

    def retry(self, grant: Grant, job_id: str) -> Job:
        """Let one that failed or was cancelled go on where it was, or begin again. Raises InvalidParameter."""
        job = self._asked(grant, job_id)
        if not self._jobs.retry(job.id):
            raise InvalidParameter(
                f"The job {job.id} is {job.state}: only one that failed or was cancelled is retried."
            )
        return self._find(job.id)

    def _changed(self, grant: Grant, job_id: str, before: Sequence[JobState], after: JobState) -> Job:
        job = self._asked(grant, job_id)
        if not self._jobs.change(job.id, before, after):
            raise InvalidParameter(f"The job {job.id} is {job.state}, and so it cannot become {after}.")
        return self._find(job.id)

    def _asked(self, grant: Grant, job_id: str) -> Job:
        grant.require(grant.act.action)
        job = self._find(job_id)
        grant.note(job=job.id)
        return job

    def _find(self, job_id: str) -> Job:
        found = self._jobs.beginning(job_id) if len(job_id) >= _LEAST_ID else []
        if len(found) > 1:
            raise InvalidParameter(f"Several jobs begin with {job_id}; say more of the id.")
        job = self._jobs.get(found[0]) if found else None
        if job is None:
            raise ResourceNotFound(f"There is no job {job_id}. `regard jobs list` shows those there are.")
        return job
