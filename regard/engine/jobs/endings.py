"""How jobs end: in one transaction with whom it is to be told, and once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from regard.domain.jobs import Job, JobState
from regard.engine.jobs.announcer import Announcer
from regard.store.chunk_rows import ChunkRows
from regard.store.claim_rows import Claim, ClaimRows
from regard.store.database import Database
from regard.store.job_rows import Ending, JobRows


class Endings:
    """Ends jobs. What they found is kept as long as was decided when they were asked for, from then on."""

    def __init__(
        self, database: Database, announcer: Announcer, clock: Callable[[], datetime], *, lease: timedelta
    ) -> None:
        """`lease` is how long a claim holds that nobody renews."""
        self.jobs = JobRows(database)
        self.chunks = ChunkRows(database, clock)
        self.claims = ClaimRows(database, clock, lease)
        self.clock = clock
        self._announcer = announcer

    def succeed(self, claim: Claim, message: str | None) -> bool:
        """The last step of a job is done; whether the claim still held."""
        return self.chunks.finished(claim, self._ending(claim.job, JobState.SUCCEEDED, message))

    def fail(self, job: Job, message: str, *, purge: bool = False) -> bool:
        """It cannot be done. With `purge` what it found so far is erased with it: nobody may have it any more."""
        return self.jobs.end(job.id, self._ending(job, JobState.FAILED, message, purge=purge))

    def cancel(self, job: Job) -> bool:
        """Nobody wants it; what it found so far is erased."""
        return self.jobs.end(job.id, self._ending(job, JobState.CANCELLED, "The job was cancelled.", purge=True))

    def _ending(self, job: Job, state: JobState, message: str | None, *, purge: bool = False) -> Ending:
        now = self.clock()
        return Ending(
            state=state,
            message=message,
            at=now,
            expires_at=now + (job.expires_at - job.created_at),
            events=self._announcer.events(job, state, now),
            purge=purge,
        )
