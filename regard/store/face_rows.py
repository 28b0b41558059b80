"""Faces: rows to `domain.Face` and back, with the user each belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, delete, insert, select

from regard.domain.arrays import FloatArray
from regard.domain.galleries import FACES, Face
from regard.domain.images import Box
from regard.errors import InvalidParameter
from regard.store.collection_guard import guard
from regard.store.database import Database
from regard.store.deletion_rows import note_deleted
from regard.store.embeddings import Sizes, one_sound, packed
from regard.store.face_traces import forget_traces
from regard.store.gallery_size_rows import change_size
from regard.store.in_lists import in_lists
from regard.store.tables.collections import collections
from regard.store.tables.faces import faces
from regard.store.tables.users import memberships, users


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFace:
    """A face about to be stored; `face_id` is the caller's, so that storing it again stores nothing. Nor does it if the
    collection has one of the `earlier_ids`."""

    face_id: str
    image_id: str
    external_image_id: str | None
    box: Box
    confidence: float
    utility: float | None = None
    earlier_ids: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return self.face_id, *self.earlier_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """What became of the faces that were to go: the ids deleted, and the user of each of the others, by id."""

    deleted: list[str]
    kept: dict[str, str]


class FaceRows:
    """Store, find, list and delete faces."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sizes = Sizes(faces)

    def add(
        self, collection_key: int, new: Sequence[NewFace], embeddings: FloatArray, face_model: str, now: datetime
    ) -> list[Face]:
        """Store N faces, of one image or of many, in one transaction; embeddings is N×D.

        A face id the collection has already is not stored again: its row is returned. Raises ResourceNotFound when
        the collection has gone, InvalidParameter when it is bound to another face model.
        """
        if len(new) != len(embeddings) or not np.isfinite(embeddings).all():
            raise ValueError(f"{len(new)} faces need as many finite embeddings, not {embeddings.shape}")
        rows: dict[str, dict[str, object]] = {}
        for face, vector in zip(new, packed(embeddings), strict=True):
            rows.setdefault(face.face_id, _row(collection_key, face, vector, now))
        with self._database.write() as connection:
            _check_model(connection, collection_key, face_model)
            held = _among(connection, collection_key, list(dict.fromkeys(each for face in new for each in face.ids)))
            names = {face.face_id: next((each for each in face.ids if each in held), face.face_id) for face in new}
            if fresh := [row for face_id, row in rows.items() if names[face_id] not in held]:
                connection.execute(insert(faces), fresh)
                change_size(connection, collection_key, FACES, len(fresh))
            stored = _by_face_id(connection, collection_key, list(dict.fromkeys(names.values())))
        return [stored[names[face.face_id]] for face in new]

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction for all that is written inside."""
        with self._database.write():
            yield

    def get(self, collection_key: int, face_ids: Sequence[str]) -> list[Face]:
        """Those of the faces that the collection has, in the order asked."""
        with self._database.read() as connection:
            found = _by_face_id(connection, collection_key, face_ids)
        return [found[face_id] for face_id in face_ids if face_id in found]

    def of_image(self, collection_key: int, image_id: str) -> list[Face]:
        """The faces that were enrolled from a picture."""
        query = _select((faces.c.collection_key == collection_key) & (faces.c.image_id == image_id))
        with self._database.read() as connection:
            return [_face(row) for row in connection.execute(query.order_by(faces.c.key))]

    def page(
        self,
        collection_key: int,
        after_key: int,
        limit: int,
        face_ids: Sequence[str] | None = None,
        user_id: str | None = None,
    ) -> list[Face]:
        """Up to `limit` faces by key, those above `after_key`; only `face_ids`, and only that user's, where given."""
        if face_ids is not None:
            named = {face.key: face for face in self.get(collection_key, face_ids)}
            chosen = [named[key] for key in sorted(named) if key > after_key]
            return [face for face in chosen if user_id is None or face.user_id == user_id][:limit]
        which = (faces.c.collection_key == collection_key) & (faces.c.key > after_key)
        if user_id is not None:
            owner = (users.c.collection_key == collection_key) & (users.c.user_id == user_id)
            which &= faces.c.key.in_(select(memberships.c.face_key).join(users).where(owner))
        query = _select(which)
        with self._database.read() as connection:
            return [_face(row) for row in connection.execute(query.order_by(faces.c.key).limit(limit))]

    def by_keys(self, keys: Iterable[int]) -> dict[int, Face]:
        """The faces of any collection that still exist, by key."""
        with self._database.read() as connection:
            return {
                row.key: _face(row)
                for some in in_lists(int(key) for key in keys)
                for row in connection.execute(_BY_KEYS, {"keys": some})
            }

    def embedding(self, collection_key: int, face_id: str) -> FloatArray | None:
        """The face's unit vector, D long; None when the collection has no such face. Raises InternalServerError for one
        that is damaged."""
        with self._database.read() as connection:
            asked = {"collection_key": collection_key, "face_id": face_id}
            row = connection.execute(_EMBEDDING, asked).one_or_none()
            if row is None:
                return None
            size = self._sizes.of(connection, collection_key, [row.embedding])
        return one_sound(row.embedding, size, f"face {face_id}")

    def delete(self, collection_key: int, face_ids: Sequence[str]) -> Deletion:
        """Delete those of the faces that the collection has and that are no user's."""
        with self._database.write() as connection:
            found = _by_face_id(connection, collection_key, face_ids)
            kept = {face_id: face.user_id for face_id, face in found.items() if face.user_id is not None}
            keys = [face.key for face in found.values() if face.user_id is None]
            note_deleted(connection, collection_key, FACES, keys)
            for some in in_lists(keys):
                connection.execute(delete(faces).where(faces.c.key.in_(some)))
            forget_traces(connection, collection_key, [each for each in found if each not in kept])
        asked = dict.fromkeys(face_ids)
        return Deletion(deleted=[each for each in asked if each in found and each not in kept], kept=kept)


def _check_model(connection: Connection, collection_key: int, face_model: str) -> None:
    model = guard(connection, collection_key).face_model
    if model != face_model:
        raise InvalidParameter(
            f"The collection holds faces of the model {model}, which {face_model} cannot be compared with; "
            f"index into a new collection."
        )


def _among(connection: Connection, collection_key: int, face_ids: Sequence[str]) -> dict[str, int]:
    """Face id to key, of those the collection has."""
    query = select(faces.c.face_id, faces.c.key).where(faces.c.collection_key == collection_key)
    return {
        face_id: key
        for some in in_lists(face_ids)
        for face_id, key in connection.execute(query.where(faces.c.face_id.in_(some)))
    }


def _by_face_id(connection: Connection, collection_key: int, face_ids: Sequence[str]) -> dict[str, Face]:
    return {
        row.face_id: _face(row)
        for some in in_lists(face_ids)
        for row in connection.execute(_BY_FACE_ID, {"collection_key": collection_key, "face_ids": some})
    }


_COLUMNS = [column for column in faces.c if column.name != "embedding"]


def _select(which: ColumnElement[bool]) -> Select[tuple[Any, ...]]:
    return (
        select(*_COLUMNS, collections.c.face_model, users.c.user_id)
        .join_from(faces, collections, collections.c.key == faces.c.collection_key)
        .outerjoin(memberships, memberships.c.face_key == faces.c.key)
        .outerjoin(users, users.c.key == memberships.c.user_key)
        .where(which)
    )


#: Made once: to put such a statement together takes longer than to run it.
_MINE = faces.c.collection_key == bindparam("collection_key")
_BY_KEYS = _select(faces.c.key.in_(bindparam("keys", expanding=True)))
_BY_FACE_ID = _select(_MINE & faces.c.face_id.in_(bindparam("face_ids", expanding=True)))
_EMBEDDING = select(faces.c.embedding).where(_MINE, faces.c.face_id == bindparam("face_id"))


def _row(collection_key: int, face: NewFace, embedding: bytes, now: datetime) -> dict[str, object]:
    return {
        "collection_key": collection_key,
        "face_id": face.face_id,
        "image_id": face.image_id,
        "external_image_id": face.external_image_id,
        "left": face.box.left,
        "top": face.box.top,
        "width": face.box.width,
        "height": face.box.height,
        "confidence": face.confidence,
        "utility": face.utility,
        "created_at": now,
        "embedding": embedding,
    }


def _face(row: Row[tuple[Any, ...]]) -> Face:
    return Face(
        key=row.key,
        face_id=row.face_id,
        image_id=row.image_id,
        external_image_id=row.external_image_id,
        box=Box(left=row.left, top=row.top, width=row.width, height=row.height),
        confidence=row.confidence,
        utility=row.utility,
        face_model=row.face_model,
        created_at=row.created_at,
        user_id=row.user_id,
    )
