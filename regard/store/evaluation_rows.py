"""Evaluations: rows only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Row, insert, select

from regard.domain.evaluations import Evaluation
from regard.store.database import Database
from regard.store.tables.retention import evaluations

#: What has a column of its own; the rest is the report.
_COLUMNS = ("id", "face_model", "collection", "name", "measured_by", "measured_at")
_FORM = TypeAdapter(Evaluation)


class EvaluationRows:
    """Add, find and list evaluations. They are never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction for all that is written inside."""
        with self._database.write():
            yield

    def add(self, new: Evaluation) -> None:
        content: dict[str, Any] = _FORM.dump_python(new, mode="json")
        report = {name: value for name, value in content.items() if name not in _COLUMNS}
        values = {name: getattr(new, name) for name in _COLUMNS}
        with self._database.write() as connection:
            connection.execute(insert(evaluations).values(values | {"report": report}))

    def get(self, evaluation_id: str) -> Evaluation | None:
        """The one of this id; None also for one that is damaged."""
        query = select(evaluations).where(evaluations.c.id == evaluation_id)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _evaluation(row)

    def all(self) -> list[Evaluation]:
        """The newest first."""
        query = select(evaluations).order_by(evaluations.c.measured_at.desc(), evaluations.c.id)
        with self._database.read() as connection:
            found = [_evaluation(row) for row in connection.execute(query)]
        return [each for each in found if each is not None]

    def newest_of(self, face_model: str, before: datetime | None = None) -> Evaluation | None:
        """The latest of a face model, measured before a moment if one is given."""
        found = [each for each in self.all() if each.face_model == face_model]
        return next((each for each in found if before is None or each.measured_at < before), None)


def _evaluation(row: Row[Any]) -> Evaluation | None:
    values = dict(row._mapping)
    try:
        return _FORM.validate_python(values.pop("report") | values)
    except ValidationError:
        return None
