"""Access keys: rows only. `accountability/access_keys` encrypts and decrypts their secrets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, insert, literal, select, update

from regard.store.database import Database
from regard.store.tables.access_keys import access_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """An access key as stored."""

    access_key_id: str
    name: str
    sealed_secret: bytes
    created_at: datetime
    revoked_at: datetime | None = None
    #: The person or the service it belongs to, where it belongs to one.
    holder_id: str | None = None


#: Made once, as it is asked by every request.
_NAMED = select(access_keys).where(access_keys.c.access_key_id == bindparam("id"))


class KeyRows:
    """Store, find, list and revoke access keys. A row is never deleted: the record names its holder."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, row: KeyRow) -> None:
        with self._database.write() as connection:
            connection.execute(insert(access_keys).values(asdict(row)))

    def get(self, access_key_id: str) -> KeyRow | None:
        with self._database.read() as connection:
            row = connection.execute(_NAMED, {"id": access_key_id}).one_or_none()
        return None if row is None else KeyRow(**row._mapping)

    def all(self) -> list[KeyRow]:
        """Every key, oldest first."""
        query = select(access_keys).order_by(access_keys.c.created_at, access_keys.c.access_key_id)
        with self._database.read() as connection:
            return [KeyRow(**row._mapping) for row in connection.execute(query)]

    def active_of(self, holder_id: str) -> list[str]:
        """The ids of the active keys of a person or a service, oldest first."""
        mine = (access_keys.c.holder_id == holder_id, access_keys.c.revoked_at.is_(None))
        query = select(access_keys.c.access_key_id).where(*mine).order_by(access_keys.c.created_at)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def revoke(self, access_key_id: str, now: datetime) -> bool:
        """Revoke the key, once: the first moment stays. False when there is no such key."""
        change = update(access_keys).where(access_keys.c.access_key_id == access_key_id)
        with self._database.write() as connection:
            first = func.coalesce(access_keys.c.revoked_at, literal(now, access_keys.c.revoked_at.type))
            return connection.execute(change.values(revoked_at=first)).rowcount == 1

    def revoke_of(self, holder_ids: Collection[str], now: datetime) -> list[str]:
        """Revoke all active keys of these people and services; the ids of those that were."""
        mine = (access_keys.c.holder_id.in_(holder_ids), access_keys.c.revoked_at.is_(None))
        with self._database.write() as connection:
            found = list(connection.execute(select(access_keys.c.access_key_id).where(*mine)).scalars())
            connection.execute(update(access_keys).where(*mine).values(revoked_at=now))
        return found
