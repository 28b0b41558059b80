"""What is stopped, by whom and why: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update

from regard.domain.suspensions import Suspension
from regard.store.database import Database
from regard.store.tables.retention import suspensions


class SuspensionRows:
    """Begin, end and list suspensions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, kind: str, subject: str, reason: str, by: str | None, now: datetime) -> Suspension:
        values = {"kind": kind, "subject": subject, "reason": reason, "started_by": by, "started_at": now}
        with self._database.write() as connection:
            row = connection.execute(insert(suspensions).values(values).returning(suspensions)).one()
        return Suspension(**row._mapping)

    def end(self, key: int, by: str | None, now: datetime) -> bool:
        """False if there is no such suspension, or it has ended."""
        change = update(suspensions).where(suspensions.c.key == key, suspensions.c.ended_at.is_(None))
        with self._database.write() as connection:
            return connection.execute(change.values(ended_by=by, ended_at=now)).rowcount == 1

    def active(self) -> list[Suspension]:
        """Those that have not ended, the first begun first."""
        query = select(suspensions).where(suspensions.c.ended_at.is_(None)).order_by(suspensions.c.key)
        with self._database.read() as connection:
            return [Suspension(**row._mapping) for row in connection.execute(query)]

    def all(self) -> list[Suspension]:
        with self._database.read() as connection:
            return [Suspension(**row._mapping) for row in connection.execute(select(suspensions))]
