"""Chunks of jobs: what came of each is stored once, by whoever holds the claim on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, exists, insert, select, update

from regard.store.claim_rows import Claim, held, now_of, same
from regard.store.database import Database
from regard.store.job_rows import ACTIVE, Ending, end_job, fresh_chunk
from regard.store.tables.jobs import job_chunks, job_results, jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkState:
    """How far a chunk is: `attempts` were begun, `faults` failed of themselves, `lost` ended with their workers."""

    number: int
    from_ms: int
    to_ms: int
    attempts: int
    faults: int
    lost: int
    progress: float
    owner: str | None
    done_at: datetime | None


class ChunkRows:
    """Say what came of chunks, and how far they are."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def faults(self, claim: Claim) -> int:
        """How many tries of it have failed of themselves."""
        with self._database.read() as connection:
            found = connection.execute(select(job_chunks.c.faults).where(same(claim))).scalar_one_or_none()
        return found or 0

    def planned(
        self, claim: Claim, spans: Sequence[tuple[int, int]], metadata: Mapping[str, Any], *, in_order: bool
    ) -> bool:
        """Store a job's plan; whether the claim still held."""
        with self._database.write() as connection:
            if not self._done(connection, claim, {}):
                return False
            count = len(spans)
            needs = [number if in_order else 0 for number in range(count)]
            rows = [fresh_chunk(claim.job.id, number, *span, needs[number]) for number, span in enumerate(spans)]
            connection.execute(insert(job_chunks), [*rows, fresh_chunk(claim.job.id, count, 0, 0, count)])
            values = {"chunks": count, "metadata": dict(metadata), "alone": _still_alone()}
            connection.execute(update(jobs).where(jobs.c.id == claim.job.id).values(values))
        return True

    def done(
        self,
        claim: Claim,
        resume: Mapping[str, Any],
        counts: Mapping[str, int],
        store: Callable[[Connection], None],
    ) -> bool:
        """A chunk is done, and what `store` writes is in the same transaction; whether the claim still held."""
        with self._database.write() as connection:
            if not self._done(connection, claim, counts):
                return False
            store(connection)
            mine = jobs.c.id == claim.job.id
            connection.execute(update(jobs).where(mine).values(done=jobs.c.done + 1, alone=_still_alone()))
            following = claim.chunk.number + 1
            after = (job_chunks.c.job_id == claim.job.id) & (job_chunks.c.number == following)
            waiting = update(job_chunks).where(after, job_chunks.c.needs == following)
            connection.execute(waiting.values(resume=dict(resume)))
        return True

    def finished(self, claim: Claim, ending: Ending) -> bool:
        """A job is done: only what is in pages is left of what it found. Whether the claim still held."""
        with self._database.write() as connection:
            if not self._done(connection, claim, {}):
                return False
            end_job(connection, claim.job.id, ending)
            loose = (job_results.c.job_id == claim.job.id) & (job_results.c.ordering == "")
            connection.execute(job_results.delete().where(loose))
        return True

    def holds(self, connection: Connection, claim: Claim) -> bool:
        """Whether the claim holds in this transaction, until that ends."""
        wanted = exists().where(jobs.c.id == claim.job.id, jobs.c.state.in_(ACTIVE))
        query = select(job_chunks.c.number).where(held(claim), wanted).with_for_update()
        return connection.execute(query).first() is not None

    def counts(self, job_id: str) -> dict[str, int]:
        """The sums of what a job's chunks counted."""
        with self._database.read() as connection:
            found = connection.execute(select(job_chunks.c.counts).where(job_chunks.c.job_id == job_id)).scalars().all()
        names = sorted({name for each in found for name in each})
        return {name: sum(int(each.get(name, 0)) for each in found) for name in names}

    def of_job(self, job_id: str) -> list[ChunkState]:
        """Its chunks, without the plan and the ending."""
        looks = (job_chunks.c.job_id == job_id) & (job_chunks.c.to_ms > job_chunks.c.from_ms)
        with self._database.read() as connection:
            rows = connection.execute(select(job_chunks).where(looks).order_by(job_chunks.c.number)).all()
        return [
            ChunkState(
                number=row.number,
                from_ms=row.from_ms,
                to_ms=row.to_ms,
                attempts=row.attempt,
                faults=row.faults,
                lost=row.lost,
                progress=1.0 if row.done_at else row.progress,
                owner=row.owner,
                done_at=row.done_at,
            )
            for row in rows
        ]

    def _done(self, connection: Connection, claim: Claim, counts: Mapping[str, int]) -> bool:
        wanted = exists().where(jobs.c.id == claim.job.id, jobs.c.state.in_(ACTIVE))
        values = {"done_at": now_of(connection, self._clock), "owner": None, "counts": dict(counts)}
        return connection.execute(update(job_chunks).where(held(claim), wanted).values(values)).rowcount == 1


def _still_alone() -> ColumnElement[int]:
    """A job that ended a worker is tried alone only as long as the chunk is not done that it happened in."""
    in_doubt = and_(job_chunks.c.job_id == jobs.c.id, job_chunks.c.done_at.is_(None), job_chunks.c.lost > 0)
    return case((exists().where(in_doubt).correlate(jobs), jobs.c.alone), else_=0)
