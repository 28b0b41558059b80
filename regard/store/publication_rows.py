"""Published reports: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select

from regard.domain.publications import Publication
from regard.store.database import Database
from regard.store.tables.retention import published_reports

_TABLE = published_reports


class PublicationRows:
    """Add and find what was published. It is never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: Publication) -> None:
        values = {name: getattr(new, name) for name in Publication.__slots__}
        with self._database.write() as connection:
            connection.execute(insert(_TABLE).values(values | {"content": dict(new.content)}))

    def overlapping(self, kind: str, since: datetime, until: datetime) -> list[Publication]:
        """Those of this kind about a time that has a moment in common with this one."""
        query = select(_TABLE).where(_TABLE.c.kind == kind, _TABLE.c.since < until, _TABLE.c.until > since)
        with self._database.read() as connection:
            return [Publication(**row._mapping) for row in connection.execute(query.order_by(_TABLE.c.since))]

    def all(self, kind: str) -> list[Publication]:
        """The latest period first."""
        query = select(_TABLE).where(_TABLE.c.kind == kind).order_by(_TABLE.c.since.desc())
        with self._database.read() as connection:
            return [Publication(**row._mapping) for row in connection.execute(query)]
