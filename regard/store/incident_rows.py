"""Incidents, and who is to be told of each by when: rows only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from regard.domain.incidents import Incident, Notice
from regard.store.database import Database
from regard.store.tables.retention import incident_notices, incidents


class IncidentRows:
    """Open, find, list and close incidents; record who was told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, new: Incident, due: Sequence[tuple[str, datetime]]) -> None:
        """Store an incident with the recipients who are to be told, and by when."""
        values = {name: getattr(new, name) for name in Incident.__slots__ if name != "notices"}
        rows = [{"incident_id": new.id, "recipient": recipient, "due_at": due_at} for recipient, due_at in due]
        with self._database.write() as connection:
            connection.execute(insert(incidents).values(values | {"facts": dict(new.facts)}))
            if rows:
                connection.execute(insert(incident_notices), rows)

    def get(self, incident_id: str) -> Incident | None:
        with self._database.read() as connection:
            row = connection.execute(select(incidents).where(incidents.c.id == incident_id)).one_or_none()
            return None if row is None else _incident(connection, row)

    def all(self, *, closed: bool = False) -> list[Incident]:
        """Those that are open, or all of them; the oldest first."""
        query = select(incidents).order_by(incidents.c.opened_at, incidents.c.id)
        if not closed:
            query = query.where(incidents.c.closed_at.is_(None))
        with self._database.read() as connection:
            return [_incident(connection, row) for row in connection.execute(query).all()]

    def since(self, moment: datetime) -> list[Incident]:
        """Those opened since a moment, closed or not."""
        query = select(incidents).where(incidents.c.opened_at >= moment).order_by(incidents.c.opened_at)
        with self._database.read() as connection:
            return [_incident(connection, row) for row in connection.execute(query).all()]

    def add_recipient(self, incident_id: str, recipient: str, due_at: datetime) -> None:
        row = {"incident_id": incident_id, "recipient": recipient, "due_at": due_at}
        with self._database.write() as connection:
            connection.execute(insert(incident_notices).values(row))

    def notify(self, incident_id: str, recipient: str, by: str | None, now: datetime, reference: str | None) -> bool:
        """Record that a recipient was told. False if they were already, or are none."""
        change = update(incident_notices).where(
            incident_notices.c.incident_id == incident_id,
            incident_notices.c.recipient == recipient,
            incident_notices.c.notified_at.is_(None),
        )
        with self._database.write() as connection:
            values = {"notified_at": now, "notified_by": by, "reference": reference}
            return connection.execute(change.values(values)).rowcount > 0

    def close(self, incident_id: str, by: str | None, now: datetime, resolution: str) -> bool:
        """False if there is no such incident, or it is closed."""
        change = update(incidents).where(incidents.c.id == incident_id, incidents.c.closed_at.is_(None))
        with self._database.write() as connection:
            values = {"closed_by": by, "closed_at": now, "resolution": resolution}
            return connection.execute(change.values(values)).rowcount == 1


def _incident(connection: Connection, row: Row[Any]) -> Incident:
    values = dict(row._mapping)
    mine = incident_notices.c.incident_id == values["id"]
    found = connection.execute(select(incident_notices).where(mine).order_by(incident_notices.c.key))
    names = Notice.__slots__
    notices = tuple(Notice(**{name: each._mapping[name] for name in names}) for each in found)
    return Incident(**values, notices=notices)
