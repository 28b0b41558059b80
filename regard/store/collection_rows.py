"""Collections: rows to `domain.Collection` and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from regard.domain.galleries import EMBEDDED, Collection
from regard.errors import ResourceAlreadyExists, ResourceNotFound
from regard.store.database import Database
from regard.store.tables.collections import collections
from regard.store.tables.deletions import deletions
from regard.store.tables.faces import faces
from regard.store.tables.users import users

#: Made once: to put a statement together takes longer than to run it.
_NAMED = select(collections).where(collections.c.id == bindparam("id"))


class CollectionRows:
    """Make, find, list and delete collections; new ones begin in the index `begin_in`."""

    def __init__(self, database: Database, begin_in: str = EMBEDDED) -> None:
        self._database = database
        self._begin_in = begin_in

    def create(self, collection_id: str, face_model: str, tags: Mapping[str, str], now: datetime) -> Collection:
        """A new collection. Raises ResourceAlreadyExists, also to the one who loses a race for the name."""
        row = {"id": collection_id, "face_model": face_model, "created_at": now, "tags": dict(tags)}
        row["index_name"] = self._begin_in
        try:
            with self._database.write() as connection:
                made = connection.execute(insert(collections).values(row).returning(collections)).one()
        except IntegrityError as error:
            raise ResourceAlreadyExists(f"The collection id: {collection_id} already exists.") from error
        return _collection(made)

    def get(self, collection_id: str) -> Collection:
        """The collection of that name. Raises ResourceNotFound."""
        with self._database.read() as connection:
            row = connection.execute(_NAMED, {"id": collection_id}).one_or_none()
        if row is None:
            raise missing(collection_id)
        return _collection(row)

    def page(self, after_key: int, limit: int) -> list[Collection]:
        """Up to `limit` collections, oldest first, those above `after_key`."""
        query = select(collections).where(collections.c.key > after_key).order_by(collections.c.key).limit(limit)
        with self._database.read() as connection:
            return [_collection(row) for row in connection.execute(query)]

    def delete(self, collection_id: str) -> Collection:
        """The collection, which goes with all that is in it; the journal keeps the key. Raises ResourceNotFound."""
        named = select(collections).where(collections.c.id == collection_id).with_for_update()
        with self._database.write() as connection:
            row = connection.execute(named).one_or_none()
            if row is None:
                raise missing(collection_id)
            connection.execute(insert(deletions).values(collection_key=row.key))
            connection.execute(delete(collections).where(collections.c.key == row.key))
        return _collection(row)

    def retag(self, collection_id: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        """Replace the tags by what `change` makes of them; nobody else's come between. Raises ResourceNotFound."""
        named = collections.c.id == collection_id
        with self._database.write() as connection:
            tags = connection.execute(select(collections.c.tags).where(named).with_for_update()).scalar_one_or_none()
            if tags is None:
                raise missing(collection_id)
            connection.execute(update(collections).where(named).values(tags=change(tags)))

    def face_count(self, key: int) -> int:
        with self._database.read() as connection:
            count = select(func.count()).select_from(faces).where(faces.c.collection_key == key)
            return connection.execute(count).scalar_one()

    def user_count(self, key: int) -> int:
        with self._database.read() as connection:
            count = select(func.count()).select_from(users).where(users.c.collection_key == key)
            return connection.execute(count).scalar_one()

    def homes(self) -> dict[str, str]:
        """Which index each collection lives in, by id."""
        with self._database.read() as connection:
            found = connection.execute(select(collections.c.id, collections.c.index_name).order_by(collections.c.id))
            return {row.id: row.index_name for row in found}

    def sizes(self) -> dict[str, int]:
        """How many faces each collection holds, by id."""
        query = (
            select(collections.c.id, func.count(faces.c.key).label("faces"))
            .outerjoin_from(collections, faces)
            .group_by(collections.c.id)
            .order_by(collections.c.id)
        )
        with self._database.read() as connection:
            return {row.id: row.faces for row in connection.execute(query)}


def missing(collection_id: str) -> ResourceNotFound:
    return ResourceNotFound(f"The collection id: {collection_id} does not exist.")


def _collection(row: Row[tuple[Any, ...]]) -> Collection:
    return Collection(
        key=row.key,
        id=row.id,
        face_model=row.face_model,
        created_at=row.created_at,
        tags=row.tags,
        index=row.index_name,
    )
