"""On what basis faces are enrolled, and until when they may be kept: rows only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, and_, exists, func, insert, or_, select, type_coerce, update
from sqlalchemy.sql.elements import ColumnElement

from regard.store.database import Database
from regard.store.face_traces import forget_traces
from regard.store.in_lists import in_lists
from regard.store.tables.authorisations import authorisations
from regard.store.tables.cases import face_pictures
from regard.store.tables.collections import collections
from regard.store.tables.faces import faces
from regard.store.tables.retention import collection_terms, enrolment_terms
from regard.store.tables.users import memberships

_TABLE = enrolment_terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One face's. `expires_at` is None where nothing ends it."""

    face_id: str
    authorisation_id: str | None
    basis: str | None
    source: str | None
    enrolled_by: str | None
    enrolled_at: datetime
    last_used_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionTerm:
    """A watch-list: the deployment it is for, and when it goes."""

    collection_key: int
    authorisation_id: str | None
    most_faces: int | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    ends_at: datetime | None


class TermRows:
    """Write, find and change the terms of faces and of whole collections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- faces -------------------------------------------------------------------------------------------------

    def of(self, collection_key: int, face_ids: Sequence[str]) -> dict[str, Term]:
        """Those of the faces that have any, by face id."""
        columns = [_TABLE.c[name] for name in Term.__slots__]
        query = select(*columns).where(_TABLE.c.collection_key == collection_key)
        with self._database.read() as connection:
            return {
                row.face_id: Term(**row._mapping)
                for some in in_lists(face_ids)
                for row in connection.execute(query.where(_TABLE.c.face_id.in_(some)))
            }

    def put(self, collection_key: int, terms: Sequence[Term]) -> None:
        """Write these, in place of those that there are for the same faces."""
        known = self.of(collection_key, [each.face_id for each in terms])
        rows = [{name: getattr(each, name) for name in Term.__slots__} for each in terms]
        new = [row | {"collection_key": collection_key} for row in rows if row["face_id"] not in known]
        with self._database.write() as connection:
            if new:
                connection.execute(insert(_TABLE), new)
            for row in rows:
                if row["face_id"] in known:
                    connection.execute(update(_TABLE).where(_one(collection_key, row["face_id"])).values(row))

    def without(self, collection_key: int, limit: int) -> list[tuple[str, datetime]]:
        """Up to `limit` faces that have no terms, and when each was enrolled."""
        has = exists().where(_TABLE.c.collection_key == collection_key, _TABLE.c.face_id == faces.c.face_id)
        query = select(faces.c.face_id, faces.c.created_at).where(faces.c.collection_key == collection_key, ~has)
        with self._database.read() as connection:
            return [(row.face_id, row.created_at) for row in connection.execute(query.limit(limit))]

    def late(self, collection_key: int, most: Mapping[str, int], limit: int) -> list[Term]:
        """Up to `limit` faces that may be kept for longer than `most` allows: microseconds since `enrolled_at` and
        `last_used_at`, by those names."""
        ends = type_coerce(_TABLE.c.expires_at, BigInteger)
        later = [ends > type_coerce(_TABLE.c[name], BigInteger) + span for name, span in most.items()]
        if not later:
            return []
        query = select(*(_TABLE.c[name] for name in Term.__slots__)).where(
            _TABLE.c.collection_key == collection_key, or_(_TABLE.c.expires_at.is_(None), *later)
        )
        with self._database.read() as connection:
            return [Term(**row._mapping) for row in connection.execute(query.limit(limit))]

    def expired(self, now: datetime) -> list[str]:
        """The collections with faces whose time is over."""
        query = _COLLECTIONS.join(_TABLE, _TABLE.c.collection_key == collections.c.key)
        with self._database.read() as connection:
            found = connection.execute(query.where(_TABLE.c.expires_at <= now).distinct()).scalars()
            return sorted(found)

    def expired_in(self, collection_key: int, now: datetime, limit: int) -> list[str]:
        """Up to `limit` faces of the collection whose time is over, the longest first."""
        mine = (_TABLE.c.collection_key == collection_key) & (_TABLE.c.expires_at <= now)
        with self._database.read() as connection:
            query = select(_TABLE.c.face_id).where(mine).order_by(_TABLE.c.expires_at)
            return list(connection.execute(query.limit(limit)).scalars())

    def forget(self, collection_key: int, face_ids: Sequence[str]) -> None:
        """Forget the terms of faces that are not there any more."""
        with self._database.write() as connection:
            forget_traces(connection, collection_key, face_ids)

    def lost(self, collection_key: int, limit: int) -> list[str]:
        """Up to `limit` ids that terms or pictures are of, and no face: damaged rows that were removed."""
        found: list[str] = []
        with self._database.read() as connection:
            for table in (_TABLE, face_pictures):
                there = exists().where(faces.c.collection_key == collection_key, faces.c.face_id == table.c.face_id)
                query = select(table.c.face_id).where(table.c.collection_key == collection_key, ~there)
                found += connection.execute(query.limit(limit)).scalars()
        return found

    def enrolled_under(self, authorisation_id: str) -> dict[str, list[str]]:
        """Collection id to the faces that were enrolled under an authorisation."""
        query = (
            select(collections.c.id, _TABLE.c.face_id)
            .join(collections, collections.c.key == _TABLE.c.collection_key)
            .where(_TABLE.c.authorisation_id == authorisation_id)
        )
        found: dict[str, list[str]] = {}
        with self._database.read() as connection:
            for name, face_id in connection.execute(query):
                found.setdefault(name, []).append(face_id)
        return found

    def faces_of_users(self, user_keys: Sequence[int]) -> list[str]:
        """The ids of the faces of these users."""
        query = select(faces.c.face_id).join(memberships, memberships.c.face_key == faces.c.key)
        with self._database.read() as connection:
            return list(connection.execute(query.where(memberships.c.user_key.in_(list(user_keys)))).scalars())

    # -- watch-lists ---------------------------------------------------------------------------------------------

    def watchlist(self, collection_key: int) -> CollectionTerm | None:
        query = select(collection_terms).where(collection_terms.c.collection_key == collection_key)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else CollectionTerm(**row._mapping)

    def make_watchlist(self, collection_key: int, authorisation_id: str, ends_at: datetime, most: int | None) -> None:
        row = {
            "collection_key": collection_key,
            "authorisation_id": authorisation_id,
            "most_faces": most,
            "ends_at": ends_at,
        }
        with self._database.write() as connection:
            connection.execute(insert(collection_terms).values(row))

    def watchlists(self) -> list[tuple[str, int, CollectionTerm]]:
        """Every watch-list with its collection's id and how many faces have terms in it."""
        count = select(func.count()).where(_TABLE.c.collection_key == collection_terms.c.collection_key)
        query = select(collections.c.id, count.scalar_subquery(), *collection_terms.c).join(
            collection_terms, collection_terms.c.collection_key == collections.c.key
        )
        names = CollectionTerm.__slots__
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(collections.c.id)).all()
        return [(row[0], row[1], CollectionTerm(**{name: row._mapping[name] for name in names})) for row in rows]

    def last_enrolled(self, collection_key: int) -> datetime | None:
        """When a face of the collection was last enrolled."""
        query = select(_TABLE.c.enrolled_at).where(_TABLE.c.collection_key == collection_key)
        with self._database.read() as connection:
            newest = query.order_by(_TABLE.c.enrolled_at.desc()).limit(1)
            return connection.execute(newest).scalar_one_or_none()

    def review(self, collection_key: int, by: str | None, now: datetime) -> bool:
        """Record that somebody has been through a watch-list. False if the collection is none."""
        change = update(collection_terms).where(collection_terms.c.collection_key == collection_key)
        with self._database.write() as connection:
            return connection.execute(change.values(reviewed_by=by, reviewed_at=now)).rowcount == 1

    def over(self, now: datetime) -> list[str]:
        """The watch-lists whose time is over."""
        query = _COLLECTIONS.join(collection_terms, collection_terms.c.collection_key == collections.c.key)
        with self._database.read() as connection:
            return sorted(connection.execute(query.where(collection_terms.c.ends_at <= now)).scalars())

    def ended_early(self) -> list[tuple[str, int, datetime, datetime]]:
        """Watch-lists whose deployment ended before its time: id, key, when it ended, when the list is to go."""
        query = (
            select(collections.c.id, collections.c.key, authorisations.c.ended_at, collection_terms.c.ends_at)
            .join(collection_terms, collection_terms.c.collection_key == collections.c.key)
            .join(authorisations, authorisations.c.id == collection_terms.c.authorisation_id)
            .where(and_(authorisations.c.ended_at.is_not(None), authorisations.c.ended_at < authorisations.c.ends_at))
        )
        with self._database.read() as connection:
            return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]

    def end_watchlist(self, collection_key: int, ends_at: datetime) -> None:
        change = update(collection_terms).where(collection_terms.c.collection_key == collection_key)
        with self._database.write() as connection:
            connection.execute(change.values(ends_at=ends_at))


_COLLECTIONS: Any = select(collections.c.id)


def _one(collection_key: int, face_id: str) -> ColumnElement[bool]:
    return (_TABLE.c.collection_key == collection_key) & (_TABLE.c.face_id == face_id)
