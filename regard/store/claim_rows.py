"""Claims on chunks of jobs: leases, so that whoever does one may die.

The attempt is the fencing token: who has lost the lease finds, when they come back, that another attempt was begun, and
can store nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select, update

from regard.domain.instants import EPOCH, instant
from regard.domain.jobs import Chunk, Job, JobState
from regard.store.database import Database
from regard.store.job_rows import ACTIVE, PLAN, job_of, shown
from regard.store.tables.jobs import job_chunks, jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A chunk that is `owner`'s for the time of its lease. `step` is plan, run or finish; `alone` whether its job has
    ended a worker; `lost` how many tries have ended with their workers."""

    job: Job
    chunk: Chunk
    step: str
    owner: str
    alone: bool
    lost: int


class ClaimRows:
    """Claim chunks, keep them, and give them back. `clock` tells the time where the database has none of its own for
    all: with PostgreSQL it is the server's."""

    def __init__(self, database: Database, clock: Callable[[], datetime], lease: timedelta) -> None:
        self._database = database
        self._clock = clock
        self.lease = lease

    def any(self) -> bool:
        """Whether there is a chunk to do."""
        with self._database.read() as connection:
            return bool(self._candidates(connection))

    def claim(self, owner: str, most: int) -> list[Claim]:
        """The next chunk to do, in fairness; with it up to `most` in all, of other jobs that want the same look at the
        same object. None if there is nothing to do."""
        with self._database.read() as connection:
            candidates = self._candidates(connection)
        if not candidates:
            return []
        with self._database.beside() as connection:
            now = now_of(connection, self._clock)
            for first in _in_fairness(self._candidates(connection), self._served(connection, now)):
                if claims := self._claim_of(connection, first, candidates, owner, most, now):
                    return claims
        return []

    def beat(self, claims: Sequence[Claim], progress: float) -> list[Claim]:
        """Renew the leases; those that are still to be worked on."""
        kept = []
        with self._database.beside() as connection:
            until = now_of(connection, self._clock) + self.lease
            for each in claims:
                wanted = exists().where(jobs.c.id == each.job.id, jobs.c.state.in_(ACTIVE))
                values = {"lease_until": until, "progress": min(max(progress, 0.0), 1.0)}
                renewed = update(job_chunks).where(held(each), wanted).values(values)
                if connection.execute(renewed).rowcount == 1:
                    kept.append(each)
        return kept

    def lapsed(self, claims: Sequence[Claim]) -> bool:
        """Whether a lease of these has run out, though nobody else has begun."""
        with self._database.read() as connection:
            late = job_chunks.c.lease_until <= now_of(connection, self._clock)
            return any(
                connection.execute(select(job_chunks.c.number).where(held(each), late)).first() for each in claims
            )

    def give_back(self, claim: Claim, *, after: timedelta = timedelta(), fault: bool = False) -> None:
        """Let others do it, after a while; `fault` says that this try failed of itself."""
        with self._database.beside() as connection:
            values: dict[str, Any] = {
                "owner": None,
                "lease_until": now_of(connection, self._clock) + after,
                "progress": 0.0,
            }
            if fault:
                values["faults"] = job_chunks.c.faults + 1
            connection.execute(update(job_chunks).where(held(claim)).values(values))

    def ended_its_worker(self, claim: Claim) -> None:
        """Try it again, and alone: its worker ended in the middle of it."""
        with self._database.beside() as connection:
            values = {"owner": None, "lease_until": now_of(connection, self._clock), "lost": job_chunks.c.lost + 1}
            if connection.execute(update(job_chunks).where(held(claim)).values(values)).rowcount == 1:
                connection.execute(update(jobs).where(jobs.c.id == claim.job.id).values(alone=1))

    # -- in a transaction ----------------------------------------------------------------------------------------

    def _free(self, now: datetime) -> ColumnElement[bool]:
        """Chunks to do that are nobody's. A lease longer than any is of before the clock was set back."""
        lapsed = or_(job_chunks.c.lease_until <= now, job_chunks.c.lease_until > now + 3 * self.lease)
        return and_(job_chunks.c.done_at.is_(None), job_chunks.c.needs <= jobs.c.done, lapsed)

    def _candidates(self, connection: Connection) -> Sequence[Row[Any]]:
        """Jobs with a chunk to do."""
        work = (
            exists()
            .where(job_chunks.c.job_id == jobs.c.id, self._free(now_of(connection, self._clock)))
            .correlate(jobs)
        )
        columns = ("id", "principal", "priority", "created_at", "alone", "bucket", "object_name")
        query = select(*(jobs.c[name] for name in (*columns, "object_version", "etag")))
        return connection.execute(query.where(jobs.c.state.in_(ACTIVE), work)).all()

    def _served(self, connection: Connection, now: datetime) -> dict[str, tuple[int, datetime]]:
        """Of each principal: how many of its chunks are worked on, and when it was served last."""
        last = select(jobs.c.principal, func.max(jobs.c.served_at)).where(jobs.c.state.in_(ACTIVE))
        running = (
            select(jobs.c.principal, func.count())
            .join(job_chunks, job_chunks.c.job_id == jobs.c.id)
            .where(job_chunks.c.done_at.is_(None), job_chunks.c.owner.is_not(None), job_chunks.c.lease_until > now)
            .group_by(jobs.c.principal)
        )
        counts = {row[0]: row[1] for row in connection.execute(running)}
        served = {row[0]: row[1] for row in connection.execute(last.group_by(jobs.c.principal))}
        return {name: (counts.get(name, 0), at or EPOCH) for name, at in served.items()}

    def _claim_of(
        self,
        connection: Connection,
        first: Row[Any],
        candidates: Sequence[Row[Any]],
        owner: str,
        most: int,
        now: datetime,
    ) -> list[Claim]:
        """The work on a job that comes next, with others that want the same."""
        sharing = [first.id]
        if not first.alone:
            sharing += [each.id for each in candidates if _share(each, first) and each.id != first.id]
        free = select(job_chunks).join(jobs).where(self._free(now), jobs.c.state.in_(ACTIVE))
        own = connection.execute(free.where(jobs.c.id == first.id).order_by(job_chunks.c.number).limit(1)).first()
        if own is None:
            return []
        wanted, next_ = job_chunks.c.job_id == first.id, own
        if _is_look(own) and len(sharing) > 1:
            # The others' plans come first, and whoever is behind catches up.
            looks = or_(job_chunks.c.to_ms > job_chunks.c.from_ms, job_chunks.c.number == PLAN)
            common = free.where(jobs.c.id.in_(sharing[:most]), looks)
            next_ = (
                connection.execute(common.order_by(job_chunks.c.number, job_chunks.c.job_id).limit(1)).first() or own
            )
            wanted = jobs.c.id.in_(sharing[:most]) if _is_look(next_) else job_chunks.c.job_id == next_.job_id
        number, span = next_.number, (next_.from_ms, next_.to_ms)
        same = (job_chunks.c.number == number) & (job_chunks.c.from_ms == span[0]) & (job_chunks.c.to_ms == span[1])
        locked = free.where(wanted, same).with_for_update(skip_locked=True, of=job_chunks)
        rows = connection.execute(locked.order_by(job_chunks.c.job_id)).all()
        return [claim for row in rows if (claim := self._leased(connection, row, owner, now)) is not None]

    def _leased(self, connection: Connection, row: Row[Any], owner: str, now: datetime) -> Claim | None:
        mine = (job_chunks.c.job_id == row.job_id) & (job_chunks.c.number == row.number)
        lost = row.lost + (row.owner is not None)
        values = {"owner": owner, "lease_until": now + self.lease, "attempt": row.attempt + 1, "lost": lost}
        connection.execute(update(job_chunks).where(mine).values(values | {"progress": 0.0}))
        begun = update(jobs).where(jobs.c.id == row.job_id)
        connection.execute(begun.values(state=JobState.IN_PROGRESS, served_at=now))
        found = connection.execute(shown().where(jobs.c.id == row.job_id)).one()
        job = job_of(found)
        if job is None:
            return None
        step = "plan" if row.number == PLAN else "finish" if row.number == found.chunks else "run"
        chunk = Chunk(
            number=row.number, from_ms=row.from_ms, to_ms=row.to_ms, attempt=row.attempt + 1, resume=row.resume
        )
        return Claim(job=job, chunk=chunk, step=step, owner=owner, alone=bool(found.alone), lost=lost)


def _in_fairness(candidates: Sequence[Row[Any]], served: Mapping[str, tuple[int, datetime]]) -> list[Row[Any]]:
    """Who comes first: the higher priority; then whose principal has the least under way, and was served the longest
    ago; then who came first."""
    return sorted(
        candidates,
        key=lambda each: (-each.priority, *served.get(each.principal, (0, EPOCH)), each.created_at, each.id),
    )


def _is_look(row: Row[Any]) -> bool:
    """Whether it looks at a part of the object, as neither plans nor endings do."""
    return bool(row.to_ms > row.from_ms)


def _share(one: Row[Any], other: Row[Any]) -> bool:
    """Whether two jobs may look at the same object together."""
    names = ("bucket", "object_name", "object_version", "etag")
    return not one.alone and bool(one.etag) and all(getattr(one, name) == getattr(other, name) for name in names)


def same(claim: Claim) -> ColumnElement[bool]:
    return and_(job_chunks.c.job_id == claim.job.id, job_chunks.c.number == claim.chunk.number)


def held(claim: Claim) -> ColumnElement[bool]:
    """The claim's chunk, as long as it is the claim's."""
    mine = and_(job_chunks.c.owner == claim.owner, job_chunks.c.attempt == claim.chunk.attempt)
    return and_(same(claim), mine, job_chunks.c.done_at.is_(None))


def now_of(connection: Connection, clock: Callable[[], datetime]) -> datetime:
    """The same clock for all who share the database: with PostgreSQL its own, else `clock`."""
    if connection.dialect.name != "postgresql":
        return clock()
    seconds = connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp()) * 1000000").scalar_one()
    return instant(int(seconds))
