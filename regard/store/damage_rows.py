"""Damaged rows of a collection: what lies in the database and is no value of its column's type, found and removed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import Column, Connection, String, Table, cast, delete, select, type_coerce, update
from sqlalchemy.types import NullType

from regard.domain.galleries import FACES, USERS, Collection
from regard.domain.instants import EPOCH, instant
from regard.store.collection_guard import guard
from regard.store.database import Database
from regard.store.deletion_rows import note_deleted
from regard.store.embeddings import Sizes, sound
from regard.store.in_lists import in_lists
from regard.store.tables.collections import collections
from regard.store.tables.faces import faces
from regard.store.tables.users import memberships, user_vectors, users

_PIECE = 8192
_IDS = ("face_id", "image_id")
_NUMBERS = ("left", "top", "width", "height", "confidence")


class Remedy(Enum):
    """What removing a damage takes: a face goes; a user's vector goes, and is made of their faces again; a time becomes
    1970; tags become none."""

    FACE = auto()
    VECTOR = auto()
    FACE_TIME = auto()
    USER_TIME = auto()
    COLLECTION_TIME = auto()
    TAGS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One damaged value: of what, in words, and what is wrong with it; `key` is the row's."""

    name: str
    fault: str
    key: int
    remedy: Remedy

    def __str__(self) -> str:
        return f"{self.name}: {self.fault}"


class DamageRows:
    """Find damaged rows, and remove them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_collection(self, collection: Collection) -> list[Damage]:
        """What is damaged in the collection's own row, and of its users."""
        mine = users.c.collection_key == collection.key
        vectors = select(user_vectors.c.key, user_vectors.c.embedding, users.c.user_id)
        vectors = vectors.join_from(user_vectors, users, users.c.key == user_vectors.c.user_key).where(mine)
        with self._database.read() as connection:
            found = list(_own(connection, collection))
            rows = connection.execute(_raw(users, "user_id", "created_at").where(mine).order_by(users.c.key)).all()
            found += [
                Damage(name=f"user {row.user_id}", fault="its time is no time", key=row.key, remedy=Remedy.USER_TIME)
                for row in rows
                if not _is_time(row.created_at)
            ]
            people = connection.execute(vectors.order_by(user_vectors.c.key)).all()
            names = {row.key: f"user {row.user_id}" for row in people}
            blobs = [row.embedding for row in people]
            faults = _embeddings(connection, collection.key, list(names), blobs)
        return found + [
            Damage(name=names[key], fault=fault, key=key, remedy=Remedy.VECTOR) for key, fault in faults.items()
        ]

    def of_faces(self, collection: Collection, after_key: int) -> tuple[list[Damage], int, int]:
        """What is damaged of the next faces above a key; the last one's key; and how many there were, 0 at the end."""
        query = _raw(faces, *_IDS, *_NUMBERS, "created_at").add_columns(faces.c.embedding)
        query = query.where(faces.c.collection_key == collection.key, faces.c.key > after_key)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(faces.c.key).limit(_PIECE)).all()
            if not rows:
                return [], after_key, 0
            keys = [row.key for row in rows]
            faults = _embeddings(connection, collection.key, keys, [row.embedding for row in rows])
        found = []
        for row in rows:
            if fault := faults.get(row.key) or _face_fault(row):
                found.append(Damage(name=f"face {row.face_id}", fault=fault, key=row.key, remedy=Remedy.FACE))
            elif not _is_time(row.created_at):
                fault = "its time is no time"
                found.append(Damage(name=f"face {row.face_id}", fault=fault, key=row.key, remedy=Remedy.FACE_TIME))
        return found, keys[-1], len(rows)

    def remove(self, collection: Collection, damages: Sequence[Damage]) -> None:
        """Do what these take, in one transaction. Users whose face or vector goes have none until it is made again.

        Raises ResourceNotFound when the collection has gone.
        """
        keys = {remedy: [each.key for each in damages if each.remedy is remedy] for remedy in Remedy}
        with self._database.write() as connection:
            guard(connection, collection.key, change=True)
            gone = _there(connection, faces, keys[Remedy.FACE])
            stale = {*_there(connection, user_vectors, keys[Remedy.VECTOR]), *_vectors_of(connection, gone)}
            for feed, table, some in ((USERS, user_vectors, sorted(stale)), (FACES, faces, gone)):
                note_deleted(connection, collection.key, feed, some)
                for part in in_lists(some):
                    connection.execute(delete(table).where(table.c.key.in_(part)))
            for remedy, table in (
                (Remedy.FACE_TIME, faces),
                (Remedy.USER_TIME, users),
                (Remedy.COLLECTION_TIME, collections),
            ):
                for part in in_lists(keys[remedy]):
                    connection.execute(update(table).where(table.c.key.in_(part)).values(created_at=EPOCH))
            for key in keys[Remedy.TAGS]:
                connection.execute(update(collections).where(collections.c.key == key).values(tags={}))


def _raw(table: Table, *names: str) -> Any:
    """Select the key and these columns as they lie there."""
    return select(table.c.key, *(type_coerce(table.c[name], NullType()).label(name) for name in names))


def _own(connection: Connection, collection: Collection) -> Iterator[Damage]:
    tags: Column[Any] = collections.c.tags
    query = _raw(collections, "created_at").add_columns(cast(type_coerce(tags, NullType()), String).label("tags"))
    row = connection.execute(query.where(collections.c.key == collection.key)).one_or_none()
    if row is None:
        return
    if not _is_time(row.created_at):
        yield Damage(name="the collection", fault="its time is no time", key=row.key, remedy=Remedy.COLLECTION_TIME)
    if not _is_object(row.tags):
        yield Damage(name="the collection", fault="its tags are no JSON object", key=row.key, remedy=Remedy.TAGS)


def _embeddings(
    connection: Connection, collection_key: int, keys: Sequence[int], blobs: Sequence[bytes | None]
) -> dict[int, str]:
    """What is wrong with which of these vectors, by key."""
    size = Sizes(faces).of(connection, collection_key, blobs) if keys else 0
    there, _ = sound(blobs, size)
    return {
        key: f"the embedding has {len(blob or b''):,} bytes, most others {size:,}"
        if len(blob or b"") != size or size % 2
        else "the embedding is not a unit vector"
        for key, blob, is_sound in zip(keys, blobs, there.tolist(), strict=True)
        if not is_sound
    }


def _face_fault(row: Any) -> str | None:
    if not all(isinstance(getattr(row, name), str) for name in _IDS):
        return "its ids are no text"
    if not all(isinstance(getattr(row, name), float | int) for name in _NUMBERS):
        return "its box or its confidence is no number"
    return None


def _is_time(value: Any) -> bool:
    try:
        instant(value)
    except (TypeError, OverflowError):
        return False
    return isinstance(value, int)


def _is_object(text: Any) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (TypeError, ValueError, RecursionError):
        return False


def _there(connection: Connection, table: Table, keys: Sequence[int]) -> list[int]:
    """Those of the keys that the table has still."""
    return [
        key
        for some in in_lists(keys)
        for key in connection.execute(select(table.c.key).where(table.c.key.in_(some))).scalars()
    ]


def _vectors_of(connection: Connection, face_keys: Sequence[int]) -> Iterator[int]:
    """The keys of the vectors of those users whose faces these are."""
    query = select(user_vectors.c.key).join_from(
        memberships, user_vectors, user_vectors.c.user_key == memberships.c.user_key
    )
    for some in in_lists(face_keys):
        yield from connection.execute(query.where(memberships.c.face_key.in_(some))).scalars()
