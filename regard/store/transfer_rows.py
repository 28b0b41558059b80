"""Faces by the thousand, in columns: how whole collections leave a database and come into one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Connection, Row, Select, delete, exists, func, insert, literal, select, type_coerce

from regard.domain.arrays import FloatArray, HalfArray
from regard.domain.galleries import FACES, USERS, Collection
from regard.errors import InternalServerError, InvalidParameter
from regard.store.collection_guard import guard
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.deletion_rows import note_deleted
from regard.store.embeddings import packed, units
from regard.store.gallery_size_rows import change_size
from regard.store.in_lists import in_lists
from regard.store.sqlite_engine import PAGE
from regard.store.tables.faces import faces
from regard.store.tables.users import memberships, user_vectors, users

#: What SQLite may hold of the database and of its log while rows come in, 256 MiB each: with its usual 2 MB and 8 MB
#: the pages of the index on face ids are written many times over.
_BULK = ("cache_size = -262144", f"wal_autocheckpoint = {(256 << 20) // PAGE}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceColumns:
    """N faces, one row each. Instants are microseconds since 1970 UTC; `user_created_at` is None without a user."""

    face_ids: Sequence[str]
    image_ids: Sequence[str]
    external_image_ids: Sequence[str | None]
    user_ids: Sequence[str | None]
    user_created_at: Sequence[int | None]
    #: N×4: left, top, width, height.
    boxes: NDArray[np.float64]
    confidences: NDArray[np.float64]
    created_at: Sequence[int]
    #: N×D, as stored.
    embeddings: HalfArray
    #: N, NaN where it is not known; None if it is of none.
    utilities: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.face_ids)


class Snapshot:
    """One collection as it was at one moment."""

    def __init__(self, connection: Connection, collection: Collection) -> None:
        self._connection = connection
        self._mine = faces.c.collection_key == collection.key
        self.collection = collection

    def face_count(self) -> int:
        return self._connection.execute(select(func.count()).select_from(faces).where(self._mine)).scalar_one()

    def faces(self, size: int) -> Iterator[FaceColumns]:
        """Every face, oldest first, `size` at once. Raises InternalServerError where embeddings differ in size."""
        after, dimension = -1, None
        query = _FACES.where(self._mine).order_by(faces.c.key).limit(size)
        while rows := self._connection.execute(query.where(faces.c.key > after)).all():
            after, found = rows[-1].key, _columns(rows, self.collection.id)
            dimension = dimension or found.embeddings.shape[1]
            if found.embeddings.shape[1] != dimension:
                raise _damaged(self.collection.id)
            yield found

    def users_without_faces(self) -> list[tuple[str, int]]:
        """Their ids and when they were made, oldest first."""
        theirs = exists().where(memberships.c.user_key == users.c.key)
        query = select(users.c.user_id, type_coerce(users.c.created_at, BigInteger)).order_by(users.c.key)
        found = self._connection.execute(query.where(users.c.collection_key == self.collection.key, ~theirs))
        return [(user_id, created_at) for user_id, created_at in found]


class TransferRows:
    """Whole collections, out and in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def snapshot(self, collection_id: str) -> Iterator[Snapshot]:
        """All that is read inside is of one moment, whatever is written at the same time. Raises ResourceNotFound."""
        with self._database.read() as connection:
            yield Snapshot(connection, CollectionRows(self._database).get(collection_id))

    def held(self, collection_key: int, rows: FaceColumns) -> int:
        """How many of the faces the collection has. Raises InvalidParameter where it has one with another embedding."""
        given = dict(zip(rows.face_ids, _blobs(rows.embeddings), strict=True))
        query = select(faces.c.face_id, faces.c.embedding).where(faces.c.collection_key == collection_key)
        count = 0
        with self._database.read() as connection:
            for some in in_lists(rows.face_ids):
                for face_id, embedding in connection.execute(query.where(faces.c.face_id.in_(some))):
                    if given[face_id] != embedding:
                        raise InvalidParameter(f"The collection has the face {face_id} with another embedding.")
                    count += 1
        return count

    def add(self, collection: Collection, pieces: Iterable[FaceColumns]) -> int:
        """Store those of the faces that are not there yet, with their users, in one transaction; how many it stored.

        Users are made as needed; those who gain a face lose their vector until `fill_vectors`. Raises ResourceNotFound
        when the collection has gone.
        """
        with self._database.write() as connection:
            _prepare(connection, collection.key)
            return sum(_add(connection, collection.key, rows) for rows in pieces)

    def add_users(self, collection: Collection, new: Sequence[tuple[str, int]]) -> None:
        """Make those users (id, when made) who are not there yet. Raises ResourceNotFound as `add`."""
        if new:
            with self._database.write() as connection:
                _prepare(connection, collection.key)
                _insert(connection, users, _USER, [(collection.key, *each) for each in new])

    def fill_vectors(self, collection: Collection, limit: int, vector: Callable[[FloatArray], FloatArray]) -> int:
        """Give up to `limit` users who have faces and no vector the one that `vector` makes of their N×D; how many."""
        with self._database.write() as connection:
            wanting = _wanting(collection.key).order_by(users.c.key).limit(limit).subquery()
            query = select(memberships.c.user_key, faces.c.embedding).join_from(memberships, faces)
            query = query.where(memberships.c.user_key.in_(select(wanting.c.key)))
            found = connection.execute(query.order_by(memberships.c.user_key, faces.c.key)).all()
            made = {
                user_key: vector(units([embedding for _, embedding in group]))
                for user_key, group in groupby(found, key=lambda row: int(row.user_key))
            }
            if made:
                owner = {"collection_key": collection.key}
                blobs = zip(made, packed(np.stack(list(made.values()))), strict=True)
                new = [owner | {"user_key": user_key, "embedding": blob} for user_key, blob in blobs]
                connection.execute(insert(user_vectors), new)
                change_size(connection, collection.key, USERS, len(new))
        return len(made)

    def users_wanting_vectors(self, collection: Collection) -> int:
        """How many users have faces and no vector: what an import that was not ended leaves."""
        with self._database.read() as connection:
            wanting = _wanting(collection.key).subquery()
            return connection.execute(select(func.count()).select_from(wanting)).scalar_one()


_FACE = (
    faces.c.collection_key,
    faces.c.face_id,
    faces.c.image_id,
    faces.c.external_image_id,
    faces.c.left,
    faces.c.top,
    faces.c.width,
    faces.c.height,
    faces.c.confidence,
    faces.c.created_at,
    faces.c.embedding,
    faces.c.utility,
)
_USER = (users.c.collection_key, users.c.user_id, users.c.created_at)

_FACES: Select[tuple[Any, ...]] = (
    select(
        faces.c.key,
        *(column for column in _FACE if column is not faces.c.created_at),
        type_coerce(faces.c.created_at, BigInteger).label("created_at"),
        users.c.user_id,
        type_coerce(users.c.created_at, BigInteger).label("user_created_at"),
    )
    .outerjoin_from(faces, memberships, memberships.c.face_key == faces.c.key)
    .outerjoin(users, users.c.key == memberships.c.user_key)
)


def _columns(rows: Sequence[Row[tuple[Any, ...]]], collection_id: str) -> FaceColumns:
    names = rows[0]._fields
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    blobs = columns["embedding"]
    if len({len(blob) for blob in blobs}) > 1:
        raise _damaged(collection_id)
    return FaceColumns(
        face_ids=columns["face_id"],
        image_ids=columns["image_id"],
        external_image_ids=columns["external_image_id"],
        user_ids=columns["user_id"],
        user_created_at=columns["user_created_at"],
        boxes=np.array([columns[side] for side in ("left", "top", "width", "height")], np.float64).T,
        confidences=np.array(columns["confidence"], np.float64),
        created_at=columns["created_at"],
        embeddings=np.frombuffer(b"".join(blobs), "<f2").reshape(len(rows), -1),
        utilities=np.array(columns["utility"], np.float64),
    )


def _damaged(collection_id: str) -> InternalServerError:
    return InternalServerError(
        f"Embeddings of the collection {collection_id} differ in size; `regard collections verify {collection_id}` "
        f"names them."
    )


def _prepare(connection: Connection, collection_key: int) -> None:
    """Make room for many rows, and hold the collection. Raises ResourceNotFound."""
    if connection.dialect.name == "sqlite":
        for pragma in _BULK:
            connection.exec_driver_sql(f"PRAGMA {pragma}")
    guard(connection, collection_key)


def _add(connection: Connection, collection_key: int, rows: FaceColumns) -> int:
    last = connection.execute(select(func.coalesce(func.max(faces.c.key), 0))).scalar_one()
    _insert(connection, faces, _FACE, _face_rows(collection_key, rows))
    if any(user_id is not None for user_id in rows.user_ids):
        _add_members(connection, collection_key, rows, last)
    new = (faces.c.collection_key == collection_key) & (faces.c.key > last)
    stored = connection.execute(select(func.count()).select_from(faces).where(new)).scalar_one()
    change_size(connection, collection_key, FACES, stored)
    return stored


def _insert(connection: Connection, table: Any, columns: Sequence[Any], rows: Sequence[tuple[Any, ...]]) -> None:
    """Store those that are not there yet, through the driver itself: SQLAlchemy's work on each row costs as much."""
    sign = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    quote = connection.dialect.identifier_preparer.format_column
    names, signs = ", ".join(quote(column) for column in columns), ", ".join([sign] * len(columns))
    sql = f"INSERT INTO {table.name} ({names}) VALUES ({signs}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names
    connection.exec_driver_sql(sql, list(rows))


def _face_rows(collection_key: int, rows: FaceColumns) -> list[tuple[Any, ...]]:
    return list(
        zip(
            repeat(collection_key, len(rows)),
            rows.face_ids,
            rows.image_ids,
            rows.external_image_ids,
            *rows.boxes.T.tolist(),
            rows.confidences.tolist(),
            rows.created_at,
            _blobs(rows.embeddings),
            repeat(None, len(rows)) if rows.utilities is None else _known(rows.utilities),
            strict=True,
        )
    )


def _known(numbers: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(number) else number for number in numbers.tolist()]


def _blobs(embeddings: HalfArray) -> list[bytes]:
    """N×D as N rows keep them, quicker than `packed`."""
    whole = np.ascontiguousarray(embeddings, "<f2")
    blobs: list[bytes] = whole.view(f"V{whole.shape[1] * whole.itemsize}").ravel().tolist()
    return blobs


def _add_members(connection: Connection, collection_key: int, rows: FaceColumns, last: int) -> None:
    """Give the faces above the key `last` to their users."""
    made = {user_id: at for user_id, at in zip(rows.user_ids, rows.user_created_at, strict=True) if user_id is not None}
    _insert(connection, users, _USER, [(collection_key, user_id, at) for user_id, at in made.items()])
    owners = _keys(connection, users.c.user_id, users, collection_key, list(made))
    new = select(faces.c.face_id, faces.c.key).where(faces.c.collection_key == collection_key, faces.c.key > last)
    keys = {row.face_id: row.key for row in connection.execute(new)}
    pairs = [
        {"face_key": keys[face_id], "user_key": owners[user_id]}
        for face_id, user_id in zip(rows.face_ids, rows.user_ids, strict=True)
        if user_id is not None and face_id in keys
    ]
    if not pairs:
        return
    connection.execute(insert(memberships), pairs)
    gained = select(memberships.c.user_key).where(memberships.c.face_key > last)
    stale = user_vectors.c.user_key.in_(gained)
    note_deleted(
        connection, collection_key, USERS, connection.execute(select(user_vectors.c.key).where(stale)).scalars().all()
    )
    connection.execute(delete(user_vectors).where(stale))


def _keys(connection: Connection, name: Any, table: Any, collection_key: int, wanted: Sequence[str]) -> dict[str, int]:
    query = select(name, table.c.key).where(table.c.collection_key == collection_key)
    return {each: key for some in in_lists(wanted) for each, key in connection.execute(query.where(name.in_(some)))}


def _wanting(collection_key: int) -> Select[tuple[int]]:
    """The keys of the users who have faces and no vector."""
    have = exists(literal(1)).where(memberships.c.user_key == users.c.key)
    found = exists(literal(1)).where(user_vectors.c.user_key == users.c.key)
    return select(users.c.key).where(users.c.collection_key == collection_key, have, ~found)
