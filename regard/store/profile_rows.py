"""The texts of profiles that were ever in force: rows only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from regard.store.database import Database
from regard.store.tables.authorisations import profile_versions

_TABLE = profile_versions


class ProfileRows:
    """Keep and find the texts of profiles."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, sha256: str, name: str, version: int, content: Mapping[str, Any], now: datetime) -> None:
        """Keep this text, unless it is kept already."""
        if self.content(sha256) is not None:
            return
        values = {"sha256": sha256, "name": name, "version": version, "content": dict(content), "first_used_at": now}
        try:
            with self._database.write() as connection:
                connection.execute(insert(_TABLE).values(values))
        except IntegrityError:  # another process was quicker
            return

    def content(self, sha256: str) -> dict[str, Any] | None:
        """The text with that hash."""
        query = select(_TABLE.c.content).where(_TABLE.c.sha256 == sha256)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()
