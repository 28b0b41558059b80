"""Users: rows to `domain.User` and back, the user of each face, and the one vector a user is found by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import USERS, User, UserStatus
from regard.errors import Conflict, ResourceNotFound
from regard.store.collection_guard import guard
from regard.store.database import Database
from regard.store.deletion_rows import note_deleted
from regard.store.embeddings import Sizes, one_sound, packed, sound
from regard.store.gallery_size_rows import change_size
from regard.store.in_lists import in_lists
from regard.store.tables.faces import faces
from regard.store.tables.users import memberships, user_vectors, users


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A face that may become a user's; `user_id` is its user now, if any. `embedding` is a unit vector, D long."""

    key: int
    face_id: str
    user_id: str | None
    embedding: FloatArray
    utility: float | None = None


class UserRows:
    """Make, find, list, change and delete users."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sizes = Sizes(faces)

    def create(self, collection_key: int, user_id: str, now: datetime) -> User:
        """A new user. Raises Conflict for a name that is taken, ResourceNotFound when the collection has gone."""
        row = {"collection_key": collection_key, "user_id": user_id, "created_at": now}
        try:
            with self._database.write() as connection:
                guard(connection, collection_key)
                connection.execute(insert(users).values(row))
                # here, for another may delete it at once
                return _user(connection.execute(_select(_named(collection_key, user_id))).one())
        except IntegrityError as error:
            raise Conflict(f"The user id: {user_id} already exists in this collection.") from error

    def get(self, collection_key: int, user_id: str) -> User:
        """The user of that name. Raises ResourceNotFound."""
        with self._database.read() as connection:
            row = connection.execute(_select(_named(collection_key, user_id))).one_or_none()
        if row is None:
            raise missing(user_id)
        return _user(row)

    def page(self, collection_key: int, after_key: int, limit: int) -> list[User]:
        """Up to `limit` users, oldest first, those above `after_key`."""
        query = _select((users.c.collection_key == collection_key) & (users.c.key > after_key))
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(query.order_by(users.c.key).limit(limit))]

    def delete(self, collection_key: int, user_id: str) -> None:
        """The user and their vector go, their faces stay. Raises ResourceNotFound."""
        with self.changing(collection_key, user_id) as change:
            change.remove()

    def face_ids(self, collection_key: int, user_id: str) -> list[str]:
        """Of the user's faces; none if there is no such user."""
        query = select(faces.c.face_id).join_from(memberships, faces).join(users, users.c.key == memberships.c.user_key)
        with self._database.read() as connection:
            found = connection.execute(query.where(_named(collection_key, user_id)).order_by(faces.c.key))
            return list(found.scalars())

    def vector(self, collection_key: int, user_id: str) -> FloatArray | None:
        """The user's unit vector, D long; None when they have no face. Raises ResourceNotFound, and
        InternalServerError for one that is damaged."""
        query = select(user_vectors.c.key, user_vectors.c.embedding).select_from(users).outerjoin(user_vectors)
        with self._database.read() as connection:
            row = connection.execute(query.where(_named(collection_key, user_id))).one_or_none()
            if row is None:
                raise missing(user_id)
            if row.key is None:
                return None
            size = self._sizes.of(connection, collection_key, [row.embedding])
        return one_sound(row.embedding, size, f"user {user_id}")

    def utility(self, collection_key: int, user_id: str) -> float | None:
        """The mean utility of the user's faces, of those whose it is known; None if there are none."""
        query = _UTILITIES.where(_named(collection_key, user_id))
        with self._database.read() as connection:
            found = connection.execute(query).one_or_none()
        return None if found is None else found.utility

    def utilities(self, keys: IntArray) -> FloatArray:
        """The same of the users whose N vectors these are; NaN where it is not known."""
        query = _UTILITIES.where(user_vectors.c.key.in_(bindparam("keys", expanding=True)))
        found: dict[int, float | None] = {}
        with self._database.read() as connection:
            for some in in_lists(keys.tolist()):
                found |= {row.key: row.utility for row in connection.execute(query, {"keys": some})}
        known = (found.get(key) for key in keys.tolist())
        return np.array([np.nan if each is None else each for each in known], np.float32)

    def by_vector_keys(self, keys: IntArray) -> dict[int, User]:
        """The users whose vectors these are, by the vector's key; a vector that was replaced belongs to none."""
        with self._database.read() as connection:
            found = connection.execute(_BY_VECTOR_KEYS, {"keys": keys.tolist()})
            return {row.vector_key: _user(row) for row in found}

    @contextmanager
    def changing(self, collection_key: int, user_id: str, seen: str | None = None) -> Iterator[UserChange]:
        """One transaction on one user: what is read inside holds until all is written. Raises ResourceNotFound, and
        Conflict, which says how the user is now, unless that is the version `seen`."""
        with self._database.write() as connection:
            named = select(users.c.key).where(_named(collection_key, user_id)).with_for_update()
            key = connection.execute(named).scalar_one_or_none()
            if key is None:
                raise missing(user_id)
            change = UserChange(connection, collection_key, key, self._sizes)
            if seen is not None and seen != (version := change.version()):
                raise _changed(user_id, version, change.face_ids())
            yield change

    def lock(self, collection_key: int, user_ids: Sequence[str]) -> None:
        """In a transaction that changes several users: wait for those who change one of them, in one order. Raises
        ResourceNotFound."""
        with self._database.write() as connection:
            named = (users.c.collection_key == collection_key) & users.c.user_id.in_(list(user_ids))
            query = select(users.c.user_id).where(named).order_by(users.c.key).with_for_update()
            there = set(connection.execute(query).scalars())
        if lacking := [each for each in user_ids if each not in there]:
            raise missing(lacking[0])

    def there(self, collection_key: int, user_ids: Sequence[str]) -> set[str]:
        """Those of the names that are a user's."""
        named = (users.c.collection_key == collection_key) & users.c.user_id.in_(list(user_ids))
        with self._database.read() as connection:
            return set(connection.execute(select(users.c.user_id).where(named)).scalars())


class UserChange:
    """A user inside the transaction that changes them."""

    def __init__(self, connection: Connection, collection_key: int, user_key: int, sizes: Sizes) -> None:
        self._connection = connection
        self._collection_key = collection_key
        self._user_key = user_key
        self._sizes = sizes

    def candidates(self, face_ids: Sequence[str]) -> dict[str, Candidate]:
        """Those of the faces that the collection has, of any user or none, by id; as many as one statement holds."""
        query = (
            select(faces.c.key, faces.c.face_id, faces.c.embedding, faces.c.utility, users.c.user_id)
            .outerjoin_from(faces, memberships, memberships.c.face_key == faces.c.key)
            .outerjoin(users, users.c.key == memberships.c.user_key)
            .where(faces.c.collection_key == self._collection_key, faces.c.face_id.in_(list(face_ids)))
        )
        rows = self._connection.execute(query).all()
        size = self._sizes.of(self._connection, self._collection_key, [row.embedding for row in rows])
        return {
            row.face_id: Candidate(
                key=row.key,
                face_id=row.face_id,
                user_id=row.user_id,
                embedding=one_sound(row.embedding, size, f"face {row.face_id}"),
                utility=row.utility,
            )
            for row in rows
        }

    def embeddings(self) -> FloatArray | None:
        """N×D unit rows of the user's N faces, by key, without those that are damaged; None when there are none."""
        query = select(faces.c.embedding).join_from(memberships, faces).where(memberships.c.user_key == self._user_key)
        blobs = self._connection.execute(query.order_by(faces.c.key)).scalars().all()
        _, rows = sound(blobs, self._sizes.of(self._connection, self._collection_key, blobs))
        return rows if len(rows) else None

    def version(self) -> str:
        """The user's version now."""
        query = select(user_vectors.c.key).where(user_vectors.c.user_key == self._user_key)
        return _version(self._user_key, self._connection.execute(query).scalar_one_or_none())

    def faces(self) -> list[tuple[int, str]]:
        """The keys and ids of the user's faces, by key."""
        query = select(faces.c.key, faces.c.face_id).join_from(memberships, faces)
        mine = query.where(memberships.c.user_key == self._user_key).order_by(faces.c.key)
        return [(row.key, row.face_id) for row in self._connection.execute(mine)]

    def face_ids(self) -> list[str]:
        return [face_id for _, face_id in self.faces()]

    def utility(self) -> float | None:
        """The mean utility of the user's faces, of those whose it is known; None if there are none."""
        query = select(func.avg(faces.c.utility)).join_from(memberships, faces)
        mine = memberships.c.user_key == self._user_key
        return self._connection.execute(query.where(mine)).scalar_one_or_none()

    def join(self, face_keys: Sequence[int]) -> None:
        """These faces, which belong to no user, become this user's."""
        rows = [{"face_key": key, "user_key": self._user_key} for key in face_keys]
        self._connection.execute(insert(memberships), rows)

    def leave(self, face_keys: Sequence[int]) -> None:
        """These faces are the user's no more."""
        mine = memberships.c.user_key == self._user_key
        self._connection.execute(delete(memberships).where(mine, memberships.c.face_key.in_(list(face_keys))))

    def set_vector(self, vector: FloatArray | None) -> None:
        """The user is now found by this one, D long, or not at all. It has a new key; the old is noted as deleted."""
        mine = user_vectors.c.user_key == self._user_key
        old = self._connection.execute(select(user_vectors.c.key).where(mine)).scalar_one_or_none()
        if old is not None:
            self._connection.execute(delete(user_vectors).where(mine))
            note_deleted(self._connection, self._collection_key, USERS, [old])
        if vector is not None:
            row = {"collection_key": self._collection_key, "user_key": self._user_key}
            self._connection.execute(insert(user_vectors).values(row | {"embedding": packed(vector[None])[0]}))
            change_size(self._connection, self._collection_key, USERS, 1)

    def remove(self) -> None:
        """The user goes."""
        self.set_vector(None)
        self._connection.execute(delete(users).where(users.c.key == self._user_key))


def _changed(user_id: str, version: str, face_ids: Sequence[str]) -> Conflict:
    return Conflict(
        f"Somebody has changed {user_id} since you looked. Look at who they are now, then decide again.",
        current={"user_id": user_id, "version": version, "face_ids": list(face_ids)},
    )


def missing(user_id: str) -> ResourceNotFound:
    return ResourceNotFound(f"The user id: {user_id} does not exist in this collection.")


def _named(collection_key: int, user_id: str) -> ColumnElement[bool]:
    return (users.c.collection_key == collection_key) & (users.c.user_id == user_id)


def _select(which: ColumnElement[bool]) -> Select[tuple[Any, ...]]:
    """Users with the key of their vector; a user with faces always has one."""
    columns = (users.c.key, users.c.user_id, user_vectors.c.key.label("vector_key"))
    return select(*columns).outerjoin_from(users, user_vectors, user_vectors.c.user_key == users.c.key).where(which)


_UTILITIES: Select[tuple[Any, ...]] = (
    select(user_vectors.c.key, func.avg(faces.c.utility).label("utility"))
    .join_from(user_vectors, users, users.c.key == user_vectors.c.user_key)
    .join(memberships, memberships.c.user_key == users.c.key)
    .join(faces, faces.c.key == memberships.c.face_key)
    .group_by(user_vectors.c.key)
)
#: Made once: to put a statement together takes longer than to run it.
_BY_VECTOR_KEYS = _select(user_vectors.c.key.in_(bindparam("keys", expanding=True)))


def _user(row: Row[tuple[Any, ...]]) -> User:
    status = UserStatus.CREATED if row.vector_key is None else UserStatus.ACTIVE
    return User(key=row.key, id=row.user_id, status=status, version=_version(row.key, row.vector_key))


def _version(user_key: int, vector_key: int | None) -> str:
    """Every change of a user's faces makes a new vector, whose key was never used before."""
    return f"{user_key}.{vector_key or 0}"
