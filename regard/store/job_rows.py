"""Jobs: rows to `domain.Job` and back, and what changes their state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    true,
    tuple_,
    update,
)

from regard.domain.authority import Act, Caller
from regard.domain.instants import EPOCH
from regard.domain.jobs import Job, JobState, NewEvent, NotificationChannel, StoredObject
from regard.store.database import Database
from regard.store.outbox_rows import add_events
from regard.store.tables.jobs import job_chunks, job_faces, job_results, jobs

#: The number of the chunk that is the plan.
PLAN = -1
ACTIVE = (JobState.QUEUED, JobState.IN_PROGRESS)
UNENDED = (*ACTIVE, JobState.PAUSED)
_CALLER, _ACT = TypeAdapter(Caller), TypeAdapter(Act)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job ends: until when it is kept, whom to tell, and whether what it found is erased at once."""

    state: JobState
    message: str | None
    at: datetime
    expires_at: datetime
    events: Sequence[NewEvent] = ()
    purge: bool = False


class JobRows:
    """Add, find, list, end and delete jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def database(self) -> Database:
        return self._database

    def add(self, new: Job) -> None:
        """Store a job that waits, with its plan as the work to do."""
        values = {
            "id": new.id,
            "kind": new.kind,
            "principal": new.caller.principal.access_key_id,
            "person_id": new.person_id,
            "caller": _CALLER.dump_python(new.caller, mode="json"),
            "act": _ACT.dump_python(new.act, mode="json"),
            "request": dict(new.request),
            "bucket": new.object.bucket,
            "object_name": new.object.name,
            "object_version": new.object.version,
            "etag": new.object.etag,
            "size": new.object.size,
            "tag": new.tag,
            "channel": new.channel and {"topic_arn": new.channel.topic_arn, "role_arn": new.channel.role_arn},
            "state": new.state,
            "priority": new.priority,
            "alone": 0,
            "chunks": 0,
            "done": 0,
            "message": new.message,
            "metadata": dict(new.metadata),
            "created_at": new.created_at,
            "expires_at": new.expires_at,
        }
        with self._database.write() as connection:
            connection.execute(insert(jobs).values(values))
            add_plan(connection, new.id)

    def unended(self, principal: str) -> int:
        """How many jobs of that access key have not ended."""
        query = select(func.count()).select_from(jobs).where(jobs.c.principal == principal, jobs.c.state.in_(UNENDED))
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def get(self, job_id: str) -> Job | None:
        """None also for one that is damaged."""
        with self._database.read() as connection:
            row = connection.execute(_NAMED, {"id": job_id}).one_or_none()
        return None if row is None else job_of(row)

    def beginning(self, part: str, owner: tuple[str, str | None] | None = None) -> list[str]:
        """The ids of up to two jobs whose ids begin so; of that access key or that person, where given."""
        query = select(jobs.c.id).where(jobs.c.id.startswith(part, autoescape=True)).order_by(jobs.c.id).limit(2)
        if owner is not None:
            query = query.where(_owned_by(*owner))
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def newest(
        self,
        limit: int,
        *,
        owner: tuple[str, str | None] | None = None,
        kinds: Sequence[str] = (),
        states: Sequence[JobState] = (),
        place: tuple[str, str] | None = None,
        before: tuple[datetime, str] | None = None,
    ) -> list[Job]:
        """Up to `limit` jobs, the newest first; those of that access key or that person, about the object of that
        bucket and name, before the one of that time and id, where given."""
        query = shown().order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        if owner is not None:
            query = query.where(_owned_by(*owner))
        if place is not None:
            query = query.where(jobs.c.bucket == place[0], jobs.c.object_name == place[1])
        if kinds:
            query = query.where(jobs.c.kind.in_(kinds))
        if states:
            query = query.where(jobs.c.state.in_(states))
        if before is not None:
            query = query.where(tuple_(jobs.c.created_at, jobs.c.id) < before)
        with self._database.read() as connection:
            found = [job_of(row) for row in connection.execute(query)]
        return [each for each in found if each is not None]

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        with self._database.read() as connection:
            rows = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state)).all()
        return {row.state: row[1] for row in rows}

    def chunks_done(self) -> int:
        """How many chunks of the jobs there are have been done."""
        query = select(func.coalesce(func.sum(jobs.c.done), 0))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def oldest_waiting(self) -> datetime | None:
        """When the oldest job was asked for that has not begun."""
        query = select(func.min(jobs.c.created_at)).where(jobs.c.state == JobState.QUEUED)
        with self._database.read() as connection:
            found: datetime | None = connection.execute(query).scalar_one()
        return found

    def change(self, job_id: str, before: Sequence[JobState], after: JobState) -> bool:
        """Whether the job was in one of these states, and is in that one now."""
        which = (jobs.c.id == job_id) & jobs.c.state.in_(before)
        with self._database.write() as connection:
            return connection.execute(update(jobs).where(which).values(state=after)).rowcount == 1

    def prioritise(self, job_id: str, priority: int) -> bool:
        """Give a job that has not ended that priority; whether it had not."""
        which = (jobs.c.id == job_id) & jobs.c.state.in_(UNENDED)
        with self._database.write() as connection:
            return connection.execute(update(jobs).where(which).values(priority=priority)).rowcount == 1

    def outline(self, owner: tuple[str, str | None] | None = None) -> list[Any]:
        """What is another once any job has come, gone on or ended; of that access key or that person, where given."""
        mine = true() if owner is None else _owned_by(*owner)
        states = select(jobs.c.state, func.count(), func.sum(jobs.c.done), func.sum(jobs.c.priority)).where(mine)
        newest = select(func.max(jobs.c.created_at), func.max(jobs.c.finished_at)).where(mine)
        progress = select(func.sum(job_chunks.c.progress))
        if owner is not None:
            progress = progress.join_from(job_chunks, jobs, job_chunks.c.job_id == jobs.c.id).where(mine)
        with self._database.read() as connection:
            found = [*connection.execute(states.group_by(jobs.c.state)).all(), *connection.execute(newest).all()]
            return [*found, connection.execute(progress).scalar_one()]

    def end(self, job_id: str, ending: Ending) -> bool:
        """End a job that has not ended; whether it had not."""
        with self._database.write() as connection:
            return end_job(connection, job_id, ending)

    def retry(self, job_id: str) -> bool:
        """Let a job that failed or was cancelled go on from what is done; whether it had."""
        which = (jobs.c.id == job_id) & jobs.c.state.in_((JobState.FAILED, JobState.CANCELLED))
        again = {"state": JobState.QUEUED, "message": None, "finished_at": None, "alone": 0}
        with self._database.write() as connection:
            if connection.execute(update(jobs).where(which).values(again)).rowcount != 1:
                return False
            mine = (job_chunks.c.job_id == job_id) & job_chunks.c.done_at.is_(None)
            fresh = {"owner": None, "lease_until": EPOCH, "faults": 0, "lost": 0}
            connection.execute(update(job_chunks).where(mine).values(fresh))
        return True

    def expired(self, now: datetime, limit: int) -> list[str]:
        """Jobs that have ended and are kept no longer."""
        query = select(jobs.c.id).where(jobs.c.expires_at <= now, jobs.c.state.not_in(UNENDED)).limit(limit)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def forgotten(self, now: datetime, limit: int) -> list[Job]:
        """Jobs that somebody paused, and whose time is over."""
        which = (jobs.c.state == JobState.PAUSED) & (jobs.c.expires_at <= now)
        with self._database.read() as connection:
            found = [job_of(row) for row in connection.execute(shown().where(which).limit(limit))]
        return [each for each in found if each is not None]

    def delete(self, job_ids: Sequence[str]) -> int:
        """Delete jobs with all that came of them; how many there were."""
        with self._database.write() as connection:
            return connection.execute(delete(jobs).where(jobs.c.id.in_(job_ids))).rowcount


def _owned_by(key: str, person_id: str | None) -> ColumnElement[bool]:
    own = jobs.c.principal == key
    return own if person_id is None else own | (jobs.c.person_id == person_id)


def shown() -> Select[Any]:
    """Jobs, with the progress of what is under way."""
    under_way = (
        select(func.coalesce(func.sum(job_chunks.c.progress), 0.0))
        .where(
            job_chunks.c.job_id == jobs.c.id,
            job_chunks.c.done_at.is_(None),
            job_chunks.c.number > PLAN,
            job_chunks.c.number < jobs.c.chunks,
        )
        .scalar_subquery()
    )
    # A film of hours has hundreds of chunks, which nobody needs to read once they are all done.
    counted = case((jobs.c.state == JobState.SUCCEEDED, 0.0), else_=under_way)
    return select(jobs, counted.label("under_way"))


_NAMED = shown().where(jobs.c.id == bindparam("id"))


def job_of(row: Row[Any]) -> Job | None:
    """None for one that is damaged."""
    try:
        caller, act, state = _CALLER.validate_python(row.caller), _ACT.validate_python(row.act), JobState(row.state)
    except (ValidationError, ValueError):
        return None
    channel = row.channel
    stored = StoredObject(
        bucket=row.bucket, name=row.object_name, version=row.object_version, etag=row.etag, size=row.size
    )
    done = 1.0 if state is JobState.SUCCEEDED else min(0.99, (row.done + row.under_way) / max(1, row.chunks))
    return Job(
        id=row.id,
        kind=row.kind,
        caller=caller,
        act=act,
        person_id=row.person_id,
        request=row.request,
        object=stored,
        tag=row.tag,
        channel=NotificationChannel(**channel) if channel else None,
        state=state,
        priority=row.priority,
        progress=done,
        message=row.message,
        metadata=row.metadata,
        created_at=row.created_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
    )


def add_plan(connection: Connection, job_id: str) -> None:
    connection.execute(insert(job_chunks).values(fresh_chunk(job_id, PLAN, 0, 0, 0)))


def fresh_chunk(job_id: str, number: int, from_ms: int, to_ms: int, needs: int) -> dict[str, Any]:
    """A row of work that nobody has begun."""
    return {
        "job_id": job_id,
        "number": number,
        "from_ms": from_ms,
        "to_ms": to_ms,
        "needs": needs,
        "owner": None,
        "lease_until": EPOCH,
        "attempt": 0,
        "faults": 0,
        "lost": 0,
        "progress": 0.0,
        "resume": {},
        "counts": {},
        "done_at": None,
    }


def end_job(connection: Connection, job_id: str, ending: Ending) -> bool:
    """End it in this transaction, and let the outbox tell of it; whether it had not ended."""
    values = {
        "state": ending.state,
        "message": ending.message,
        "finished_at": ending.at,
        "expires_at": ending.expires_at,
    }
    which = (jobs.c.id == job_id) & jobs.c.state.in_(UNENDED)
    if connection.execute(update(jobs).where(which).values(values)).rowcount != 1:
        return False
    if ending.purge:
        purge(connection, job_id)
    add_events(connection, job_id, ending.events, ending.at)
    return True


def purge(connection: Connection, job_id: str) -> None:
    """Erase what a job has found and known so far; only its plan is left, to begin with again."""
    for table in (job_faces, job_results, job_chunks):
        connection.execute(delete(table).where(table.c.job_id == job_id))
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(chunks=0, done=0, metadata={}))
    add_plan(connection, job_id)
