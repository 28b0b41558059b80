"""Jobs as their owners know them: asked for, looked at, and what was found, page by page."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from regard.accountability.gate import Grant
from regard.domain.authority import Caller
from regard.domain.jobs import Job, JobState, NewJob
from regard.errors import LimitExceeded, ResourceNotFound
from regard.store.database import Database
from regard.store.job_result_rows import JobResultRows
from regard.store.job_rows import JobRows
from regard.store.result_bodies import ItemPage

#: Jobs of one access key that have not ended ("Guidelines and quotas in Amazon Rekognition").
MOST_JOBS = 20
_ID_BYTES = 32


class JobQueue:
    """Asks for jobs, and gives what they found. Whoever holds the access key that asked may see a job; nobody else
    learns that it is there.

    `kept` is how long results are kept; a profile may shorten it.
    """

    def __init__(self, database: Database, *, account_id: str, kept: timedelta, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._jobs = JobRows(database)
        self._results = JobResultRows(database)
        self._account_id = account_id
        self._kept = kept
        self._clock = clock

    def submit(self, grant: Grant, new: NewJob) -> Job:
        """Ask for a job under the grant's own act, which each chunk will ask the gate for again.

        Raises LimitExceeded for the 21st that has not ended.
        """
        grant.require(grant.act.action)
        principal, now = grant.caller.principal, self._clock()
        days = grant.rules.retention.jobs_days
        kept = self._kept if days is None else min(self._kept, timedelta(days=days))
        job = Job(
            id=secrets.token_hex(_ID_BYTES),
            kind=new.kind,
            caller=grant.caller,
            act=grant.act,
            person_id=grant.person_id,
            request=new.request,
            object=new.object,
            tag=new.tag,
            channel=new.channel,
            state=JobState.QUEUED,
            priority=new.priority,
            progress=0.0,
            message=None,
            metadata={},
            created_at=now,
            finished_at=None,
            expires_at=now + kept,
        )
        with self._database.write():
            held = self._jobs.unended(principal.access_key_id)
            if held >= MOST_JOBS:
                user = f"arn:aws:iam::{self._account_id}:user/{principal.name}"
                raise LimitExceeded(f"{held} open Jobs for User {user} Maximum limit: {MOST_JOBS}")
            self._jobs.add(job)
        grant.note(job=job.id)
        return job

    def get(self, grant: Grant, job_id: str, kind: str) -> Job:
        """The caller's job of that kind. Raises ResourceNotFound, also for one whose time is over."""
        grant.require(grant.act.action)
        found = self._jobs.get(job_id)
        mine = found is not None and _owner(found.caller) == _owner(grant.caller) and found.kind == kind
        if found is None or not mine or (found.state.ended and found.expires_at <= self._clock()):
            raise ResourceNotFound("Could not find JobId")
        return found

    def page(self, grant: Grant, job: Job, ordering: str, after: int, most: int) -> ItemPage:
        """Up to `most` items of a job that has succeeded, those whose place is above `after` (0 begins).

        `ordering` is "TIMESTAMP", or one that the job's task made. Those of erased faces are left out.
        """
        grant.require(grant.act.action)
        if _owner(job.caller) != _owner(grant.caller):
            raise ResourceNotFound("Could not find JobId")
        if job.state is not JobState.SUCCEEDED:
            return ItemPage()
        return self._results.page(job.id, ordering, after, most)

    def mine(self, grant: Grant, kind: str, most: int, before: tuple[datetime, str] | None = None) -> Sequence[Job]:
        """Up to `most` of the caller's jobs of that kind, the newest first: those before that time and id."""
        grant.require(grant.act.action)
        found = self._jobs.newest(most, owner=(_owner(grant.caller), None), kinds=(kind,), before=before)
        now = self._clock()
        return [each for each in found if not each.state.ended or each.expires_at > now]


def _owner(caller: Caller) -> str:
    return caller.principal.access_key_id
