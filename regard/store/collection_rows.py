"""Collections: rows to `domain.Collection` and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, bindparam, delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from regard.domain.galleries import EMBEDDED, FACES, Collection
from regard.errors import ResourceAlreadyExists, ResourceNotFound
from regard.store.candidate_traces import erase_candidates
from regard.store.database import Database
from regard.store.deletion_rows import note_emptied
from regard.store.gallery_size_rows import GallerySizeRows, Miscount
from regard.store.job_result_rows import forget_faces
from regard.store.seed_rows import forget_undrawn
from regard.store.tables.collections import collections
from regard.store.tables.gallery_sizes import gallery_sizes
from regard.store.tables.users import users

#: Begins the id of a collection that clients do not see; no id of theirs begins with it.
_HIDDEN = "~"
_SHOWN = collections.c.id.not_like(f"{_HIDDEN}%")
#: Made once: to put a statement together takes longer than to run it.
_NAMED = select(collections).where(collections.c.id == bindparam("id"))
_SIZE = func.coalesce(gallery_sizes.c.vectors, 0).label("size")


def _with_size(feed: ColumnElement[str]) -> Select[Any]:
    theirs = (gallery_sizes.c.collection_key == collections.c.key) & (gallery_sizes.c.feed == feed)
    return select(collections, _SIZE).outerjoin_from(collections, gallery_sizes, theirs)


_NAMED_WITH_SIZE = _with_size(bindparam("feed", type_=String)).where(collections.c.id == bindparam("id"))


class CollectionRows:
    """Make, find, list and delete collections; new ones begin in the index `begin_in`."""

    def __init__(self, database: Database, begin_in: str = EMBEDDED) -> None:
        self._database = database
        self._sizes = GallerySizeRows(database)
        self._begin_in = begin_in

    def create(self, collection_id: str, face_model: str, tags: Mapping[str, str], now: datetime) -> Collection:
        """A new collection. Raises ResourceAlreadyExists, also to the loser of a race for the name."""
        row = {"id": collection_id, "face_model": face_model, "created_at": now, "tags": dict(tags)}
        row["index_name"] = self._begin_in
        try:
            with self._database.write() as connection:
                made = connection.execute(insert(collections).values(row).returning(collections)).one()
        except IntegrityError as error:
            raise ResourceAlreadyExists(f"The collection id: {collection_id} already exists.") from error
        return _collection(made)

    def find(self, collection_id: str) -> Collection | None:
        """The collection of that name, if there is one."""
        with self._database.read() as connection:
            row = connection.execute(_NAMED, {"id": collection_id}).one_or_none()
        return None if row is None else _collection(row)

    def get(self, collection_id: str) -> Collection:
        """The collection of that name. Raises ResourceNotFound."""
        found = self.find(collection_id)
        if found is None:
            raise missing(collection_id)
        return found

    def with_size(self, collection_id: str, feed: str) -> tuple[Collection, int]:
        """The collection of that name, and how many vectors of that feed it holds. Raises ResourceNotFound."""
        with self._database.read() as connection:
            row = connection.execute(_NAMED_WITH_SIZE, {"id": collection_id, "feed": feed}).one_or_none()
        if row is None:
            raise missing(collection_id)
        return _collection(row), row.size

    def page(self, after_key: int, limit: int) -> list[Collection]:
        """Up to `limit` collections, oldest first, those above `after_key`."""
        shown = select(collections).where(collections.c.key > after_key, _SHOWN)
        query = shown.order_by(collections.c.key).limit(limit)
        with self._database.read() as connection:
            return [_collection(row) for row in connection.execute(query)]

    def tags(self, names: Sequence[str]) -> list[dict[str, str]]:
        """What the collections' tags with these names say, each answer once."""
        with self._database.read() as connection:
            found = connection.execute(select(collections.c.tags).where(_SHOWN)).scalars()
            said = {tuple((name, tags[name]) for name in names if name in tags) for tags in found}
        return [dict(each) for each in sorted(said)]

    def face_models(self) -> dict[str, int]:
        """How many collections there are of each face model, by its version."""
        query = select(collections.c.face_model, func.count()).where(_SHOWN).group_by(collections.c.face_model)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(collections.c.face_model)).all()
        return {row.face_model: row[1] for row in rows}

    def delete(self, collection_id: str) -> Collection:
        """The collection, which goes with all that is in it; a deletion keeps the key. Raises ResourceNotFound."""
        named = select(collections).where(collections.c.id == collection_id).with_for_update()
        with self._database.write() as connection:
            row = connection.execute(named).one_or_none()
            if row is None:
                raise missing(collection_id)
            remade = connection.execute(_NAMED, {"id": hidden_id(row.key)}).one_or_none()
            for each in [row] if remade is None else [row, remade]:
                note_emptied(connection, each.key)
                forget_faces(connection, each.key, None)
                forget_undrawn(connection, each.key)
                erase_candidates(connection, each.key, None)
                connection.execute(delete(collections).where(collections.c.key == each.key))
        return _collection(row)

    def retag(self, collection_id: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        """Replace the tags by what `change` makes of them; no other comes in between. Raises ResourceNotFound."""
        named = collections.c.id == collection_id
        with self._database.write() as connection:
            tags = connection.execute(select(collections.c.tags).where(named).with_for_update()).scalar_one_or_none()
            if tags is None:
                raise missing(collection_id)
            connection.execute(update(collections).where(named).values(tags=change(tags)))

    def face_count(self, key: int) -> int:
        """How many faces the collection holds."""
        return self._sizes.size(key, FACES)

    def miscounts(self, key: int) -> list[Miscount]:
        """Where a recorded size differs from a count."""
        return self._sizes.miscounts(key)

    def recount(self, key: int) -> None:
        """Correct the recorded sizes by counting."""
        self._sizes.recount(key)

    def user_count(self, key: int) -> int:
        """How many users the collection has, those without a face too."""
        with self._database.read() as connection:
            count = select(func.count()).select_from(users).where(users.c.collection_key == key)
            return connection.execute(count).scalar_one()

    def with_sizes(self) -> list[tuple[Collection, int]]:
        """Every collection and how many faces it holds, by id."""
        query = _with_size(literal(FACES)).where(_SHOWN).order_by(collections.c.id)
        with self._database.read() as connection:
            return [(_collection(row), row.size) for row in connection.execute(query)]


def hidden_id(key: int) -> str:
    """The id of the collection, unseen by clients, that will take the place of the one with this key."""
    return f"{_HIDDEN}{key}"


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
