"""Changed thresholds of collections: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, insert, select, update

from regard.domain.thresholds import ThresholdChange
from regard.store.database import Database
from regard.store.tables.authorisations import threshold_changes
from regard.store.tables.retention import evaluations

_TABLE = threshold_changes


class ThresholdRows:
    """Add, approve and list changes of thresholds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(  # noqa: PLR0913 - the columns of a row
        self,
        collection_key: int,
        *,
        before: float,
        threshold: float,
        reason: str,
        evaluation_id: str | None,
        by: str,
        now: datetime,
        approved: bool,
    ) -> ThresholdChange:
        values = {
            "collection_key": collection_key,
            "threshold_before": before,
            "threshold": threshold,
            "reason": reason,
            "evaluation_id": evaluation_id,
            "requested_by": by,
            "requested_at": now,
        }
        if approved:
            values |= {"approved_by": by, "approved_at": now}
        with self._database.write() as connection:
            row = connection.execute(insert(_TABLE).values(values).returning(_TABLE)).one()
        return ThresholdChange(**row._mapping)

    def approve(self, key: int, by: str, now: datetime) -> bool:
        """False if there is no such change, or it was approved already: of two that race, one does."""
        change = update(_TABLE).where(_TABLE.c.key == key, _TABLE.c.approved_at.is_(None))
        with self._database.write() as connection:
            return connection.execute(change.values(approved_by=by, approved_at=now)).rowcount == 1

    def last(self, collection_key: int) -> ThresholdChange | None:
        """The approved change that was approved last."""
        query = select(_TABLE).where(_TABLE.c.collection_key == collection_key, _TABLE.c.approved_at.is_not(None))
        with self._database.read() as connection:
            row = connection.execute(query.order_by(_TABLE.c.approved_at.desc(), _TABLE.c.key.desc())).first()
        return None if row is None else ThresholdChange(**row._mapping)

    def of(self, collection_key: int) -> list[ThresholdChange]:
        """All of a collection, the first first."""
        query = select(_TABLE).where(_TABLE.c.collection_key == collection_key).order_by(_TABLE.c.key)
        with self._database.read() as connection:
            return [ThresholdChange(**row._mapping) for row in connection.execute(query)]

    def waiting(self, person_id: str | None) -> int:
        """How many collections have a last change that waits for somebody else's approval than this person's."""
        last = select(func.max(_TABLE.c.key)).group_by(_TABLE.c.collection_key)
        query = select(func.count()).where(_TABLE.c.key.in_(last), _TABLE.c.approved_at.is_(None))
        if person_id is not None:
            query = query.where(_TABLE.c.requested_by != person_id)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def get(self, key: int) -> ThresholdChange | None:
        with self._database.read() as connection:
            row = connection.execute(select(_TABLE).where(_TABLE.c.key == key)).one_or_none()
        return None if row is None else ThresholdChange(**row._mapping)

    def evaluated_model(self, evaluation_id: str) -> str | None:
        """The face model that an evaluation is of; None if there is no such evaluation."""
        query = select(evaluations.c.face_model).where(evaluations.c.id == evaluation_id)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()
