"""Written releases: rows only. One that was given is never deleted while its collection is there: it is the proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, insert, or_, select, update

from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.tables.collections import collections
from regard.store.tables.faces import faces
from regard.store.tables.retention import consents
from regard.store.tables.users import memberships, users

_TABLE = consents


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What somebody agreed to. `subject` is their user id, or the external image id of their pictures."""

    id: str
    collection_key: int
    subject: str
    purpose: str
    text_shown: str
    text_sha256: str
    signed_name: str
    given_at: datetime
    expires_at: datetime | None = None
    withdrawn_at: datetime | None = None

    def valid(self, now: datetime) -> bool:
        return self.withdrawn_at is None and (self.expires_at is None or self.expires_at > now)


class ConsentRows:
    """Record, find and withdraw releases; find the faces of those who gave them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: Consent) -> None:
        with self._database.write() as connection:
            connection.execute(insert(_TABLE).values({name: getattr(new, name) for name in Consent.__slots__}))

    def all(self, collection_key: int, subject: str | None = None) -> list[Consent]:
        """Those of a collection, or of one subject in it, the first given first."""
        query = select(_TABLE).where(_TABLE.c.collection_key == collection_key)
        if subject is not None:
            query = query.where(_TABLE.c.subject == subject)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_TABLE.c.given_at, _TABLE.c.id))
            return [Consent(**row._mapping) for row in rows]

    def valid(
        self, collection_key: int, subjects: Sequence[str], now: datetime, purpose: str | None = None
    ) -> frozenset[str]:
        """Those of the subjects who have agreed: to that purpose, or to any."""
        query = select(_TABLE.c.subject).where(_TABLE.c.collection_key == collection_key, _valid(now))
        if purpose is not None:
            query = query.where(_TABLE.c.purpose == purpose)
        with self._database.read() as connection:
            return frozenset(
                subject
                for some in in_lists(subjects)
                for subject in connection.execute(query.where(_TABLE.c.subject.in_(some))).scalars()
            )

    def withdraw(self, collection_key: int, subject: str, purpose: str | None, now: datetime) -> int:
        """How many were withdrawn: those to that purpose, or all."""
        change = update(_TABLE).where(
            _TABLE.c.collection_key == collection_key, _TABLE.c.subject == subject, _valid(now)
        )
        if purpose is not None:
            change = change.where(_TABLE.c.purpose == purpose)
        with self._database.write() as connection:
            return connection.execute(change.values(withdrawn_at=now)).rowcount

    def lapsed(self, now: datetime) -> list[tuple[str, str]]:
        """Collection id and subject of those who have no valid release any more, though they gave one, and who still
        have a face there."""
        other = consents.alias()
        still = exists().where(
            other.c.collection_key == _TABLE.c.collection_key, other.c.subject == _TABLE.c.subject, _valid(now, other)
        )
        query = (
            select(collections.c.id, _TABLE.c.subject)
            .join(collections, collections.c.key == _TABLE.c.collection_key)
            .where(or_(_TABLE.c.withdrawn_at.is_not(None), _TABLE.c.expires_at <= now), ~still)
            .distinct()
        )
        with self._database.read() as connection:
            return [(row[0], row[1]) for row in connection.execute(query)]

    def faces_of(self, collection_key: int, subject: str) -> list[str]:
        """The faces whose external image id, or whose user, is the subject."""
        user = (
            select(memberships.c.face_key)
            .join(users, users.c.key == memberships.c.user_key)
            .where(users.c.collection_key == collection_key, users.c.user_id == subject)
        )
        theirs = or_(faces.c.external_image_id == subject, faces.c.key.in_(user))
        query = select(faces.c.face_id).where(faces.c.collection_key == collection_key, theirs)
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(faces.c.key)).scalars())


def _valid(now: datetime, table: object = _TABLE) -> ColumnElement[bool]:
    columns = table.c  # type: ignore[attr-defined]  # a table or an alias of it
    return and_(columns.withdrawn_at.is_(None), or_(columns.expires_at.is_(None), columns.expires_at > now))
