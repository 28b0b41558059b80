"""The outbox: what is to be told of a job, written with the state it tells of, until it has been delivered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from regard.domain.jobs import Event, NewEvent
from regard.store.database import Database
from regard.store.tables.jobs import outbox

#: The tries that are kept in the log: the first ones, and the last.
_FIRST, _LAST = 3, 17


def add_events(connection: Connection, job_id: str, events: Sequence[NewEvent], now: datetime) -> None:
    """Add them in this transaction."""
    for each in events:
        values = {
            "id": str(uuid4()),
            "job_id": job_id,
            "target": each.target,
            "address": each.address,
            "body": each.body,
            "tries": 0,
            "next_try": now,
            "log": {},
            "created_at": now,
        }
        connection.execute(insert(outbox).values(values))


class OutboxRows:
    """Take events to deliver, and say how it went."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, now: datetime, hold: timedelta, limit: int) -> list[Event]:
        """Up to `limit` events that are due, which nobody else gets for the time of `hold`. One that is due later than
        any could be, because the clock was set back, is due as well."""
        due = or_(outbox.c.next_try <= now, outbox.c.next_try > now + LONGEST_WAIT + hold)
        query = select(outbox).where(outbox.c.done_at.is_(None), due).order_by(outbox.c.next_try).limit(limit)
        with self._database.read() as connection:
            if connection.execute(query.limit(1)).first() is None:
                return []
        with self._database.beside() as connection:
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            held = outbox.c.id.in_([row.id for row in rows])
            if rows:
                connection.execute(update(outbox).where(held).values(next_try=now + hold, tries=outbox.c.tries + 1))
        return [_event(row) for row in rows]

    def tried(self, event: Event, now: datetime, outcome: str, next_try: datetime | None) -> None:
        """Note how a try went; it was the last if there is no next."""
        tries = [*event.tries, {"at": now.isoformat(), "outcome": outcome}]
        if len(tries) > _FIRST + _LAST:
            tries = tries[:_FIRST] + tries[-_LAST:]
        values: dict[str, Any] = {"log": {"tries": tries}}
        values |= {"done_at": now} if next_try is None else {"next_try": next_try}
        with self._database.beside() as connection:
            connection.execute(update(outbox).where(outbox.c.id == event.id).values(values))

    def of_job(self, job_id: str) -> list[Event]:
        query = select(outbox).where(outbox.c.job_id == job_id).order_by(outbox.c.created_at, outbox.c.id)
        with self._database.read() as connection:
            return [_event(row) for row in connection.execute(query)]

    def waiting(self) -> int:
        """How many events have not been delivered."""
        query = select(func.count()).select_from(outbox).where(outbox.c.done_at.is_(None))
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()


#: The longest wait between two tries.
LONGEST_WAIT = timedelta(minutes=15)


def _event(row: Row[Any]) -> Event:
    tries = row.log.get("tries", [])
    return Event(
        id=row.id,
        job_id=row.job_id,
        target=row.target,
        address=row.address,
        body=row.body,
        count=row.tries,
        next_try=row.next_try,
        done_at=row.done_at,
        tries=tries if isinstance(tries, list) else [],
    )
