"""The texts of profiles that were ever in force, and which one is for the whole installation: rows only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from regard.domain.installed_profile import InstalledProfile
from regard.store.database import Database
from regard.store.tables.authorisations import profile_versions

_TABLE = profile_versions
#: The row that is no text: `name` is the profile of the installation, in force since `first_used_at`, and its content
#: says which one was `before`, where that demanded more.
_INSTALLED = "installed"


_IS_INSTALLED = _TABLE.c.sha256 == _INSTALLED


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

    def installed(self) -> InstalledProfile | None:
        """What was last in force for the whole installation."""
        query = select(_TABLE.c.name, _TABLE.c.first_used_at, _TABLE.c.content).where(_IS_INSTALLED)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        said = row.content
        return InstalledProfile(
            name=row.name, since=row.first_used_at, before=said.get("before"), chosen=bool(said.get("chosen"))
        )

    def install(
        self, name: str, version: int, now: datetime, before: str | None = None, *, chosen: bool = False
    ) -> None:
        """Keep which profile is in force for the whole installation from now on, and which was `before` it if that
        demanded more; whether it was `chosen` by its first administrator."""
        said = ({} if before is None else {"before": before}) | ({"chosen": True} if chosen else {})
        values = {"sha256": _INSTALLED, "name": name, "version": version, "content": said, "first_used_at": now}
        with self._database.write() as connection:
            connection.execute(delete(_TABLE).where(_IS_INSTALLED))
            connection.execute(insert(_TABLE).values(values))

    def content(self, sha256: str) -> dict[str, Any] | None:
        """The text with that hash."""
        query = select(_TABLE.c.content).where(_TABLE.c.sha256 == sha256)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()
