"""Remakes: a collection's faces, embedded by another model in a hidden collection that takes its place at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Collection as Few
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, bindparam, delete, exists, insert, literal, select, update

from regard.domain.arrays import FloatArray
from regard.domain.galleries import FACES, Collection, FaceLeft, Remake
from regard.domain.images import Box
from regard.errors import InvalidParameter
from regard.store.collection_guard import guard
from regard.store.collection_rows import CollectionRows, hidden_id
from regard.store.database import Database
from regard.store.deletion_rows import note_deleted, note_emptied
from regard.store.embeddings import packed
from regard.store.gallery_size_rows import change_size
from regard.store.in_lists import in_lists
from regard.store.tables.cases import face_pictures
from regard.store.tables.collections import collections
from regard.store.tables.curation import separations, uploads, user_act_faces, user_acts
from regard.store.tables.faces import faces
from regard.store.tables.indexed_files import indexed_files
from regard.store.tables.jobs import job_faces
from regard.store.tables.retention import collection_terms, consents, enrolment_terms
from regard.store.tables.users import memberships, users
from regard.store.transfer_rows import TransferRows

#: Users whose vectors are made at once.
_USERS = 4096


class RemakeRows:
    """Begin, fill, end and give up remakes. What is written to the source is as before until the end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._collections = CollectionRows(database)
        self._transfer = TransferRows(database)

    def unfinished(self, source: Collection) -> Remake | None:
        """The remake of the collection that was begun and not ended, if any."""
        target = self._collections.find(hidden_id(source.key))
        return None if target is None else Remake(source=source, target=target)

    def begin(self, source: Collection, face_model: str) -> Remake:
        """A remake by that model, or the unfinished one; one by another model is given up."""
        with self._database.write() as connection:
            guard(connection, source.key, change=True)
            begun = self.unfinished(source)
            if begun and (begun.target.face_model, begun.target.index) == (face_model, source.index):
                return begun
            if begun:
                _remove(connection, begun.target)
            target = CollectionRows(self._database, source.index).create(
                hidden_id(source.key), face_model, {}, source.created_at
            )
        return Remake(source=source, target=target)

    def give_up(self, source: Collection) -> bool:
        """Forget the unfinished remake; whether there was one."""
        with self._database.write() as connection:
            guard(connection, source.key, change=True)
            if begun := self.unfinished(source):
                _remove(connection, begun.target)
        return begun is not None

    def left(self, remake: Remake, after: int, limit: int) -> list[FaceLeft]:
        """Up to `limit` faces with a key above `after` that the target lacks, oldest first."""
        query = _lacking(remake).where(faces.c.key > after).order_by(faces.c.key).limit(limit)
        with self._database.read() as connection:
            return _faces_left(connection, query)

    def add(self, remake: Remake, embeddings: Mapping[str, FloatArray]) -> int:
        """Store the new embeddings, by face id, of faces that the source still has and the target lacks; how many."""
        wanted = list(embeddings)
        if not wanted:
            return 0
        vectors = dict(zip(wanted, packed(np.stack(list(embeddings.values()))), strict=True))
        with self._database.write() as connection:
            guard(connection, remake.target.key, change=True)
            lacking = _lacking(remake)
            fresh = [
                face.face_id
                for some in in_lists(wanted)
                for face in _faces_left(connection, lacking.where(faces.c.face_id.in_(some)))
            ]
            if fresh:
                copy = _copied(remake)
                connection.execute(copy, [{"same": face_id, "vector": vectors[face_id]} for face_id in fresh])
                change_size(connection, remake.target.key, FACES, len(fresh))
        return len(fresh)

    def end(self, remake: Remake, without: Few[str], vector: Callable[[FloatArray], FloatArray]) -> list[FaceLeft]:
        """Put the target in the source's place, with its name, tags and users; `vector` makes a user's of N×D.

        All in one transaction. If the source has faces that the target lacks, other than those `without`, these are
        returned and nothing is changed. Raises ResourceNotFound when a collection has gone, InvalidParameter when the
        source was moved to another index since the remake began.
        """
        source, target = remake.source, remake.target
        with self._database.write() as connection:
            before = guard(connection, source.key, change=True)
            if guard(connection, target.key, change=True).index_name != before.index_name:
                raise InvalidParameter(
                    f"{source.id} was moved to {before.index_name} since its remake began. Run the same command again: "
                    f"it begins anew there."
                )
            lacking = [face for face in _faces_left(connection, _lacking(remake)) if face.face_id not in without]
            if lacking:
                return lacking
            _forget_deleted(connection, remake)
            _copy_users(connection, remake)
            while self._transfer.fill_vectors(target, _USERS, vector):
                pass
            _copy_files(connection, remake)
            _copy_curation(connection, remake)
            _replace(connection, remake)
        return []


def _lacking(remake: Remake) -> Select[Any]:
    theirs = faces.alias("theirs")
    there = exists(literal(1)).where(theirs.c.collection_key == remake.target.key, theirs.c.face_id == faces.c.face_id)
    columns = ("key", "face_id", "image_id", "external_image_id", "left", "top", "width", "height")
    query = select(*(faces.c[name] for name in columns))
    return query.where(faces.c.collection_key == remake.source.key, ~there.correlate(faces))


def _faces_left(connection: Connection, query: Select[Any]) -> list[FaceLeft]:
    return [
        FaceLeft(
            key=row.key,
            face_id=row.face_id,
            image_id=row.image_id,
            external_image_id=row.external_image_id,
            box=Box(left=row.left, top=row.top, width=row.width, height=row.height),
        )
        for row in connection.execute(query)
    ]


def _copied(remake: Remake) -> Any:
    """Insert one face as the source has it, but for its embedding."""
    same = [column for column in faces.c if column.name not in ("key", "collection_key", "embedding")]
    found = select(literal(remake.target.key), *same, bindparam("vector", type_=faces.c.embedding.type)).where(
        faces.c.collection_key == remake.source.key, faces.c.face_id == bindparam("same")
    )
    return insert(faces).from_select(["collection_key", *(column.name for column in same), "embedding"], found)


def _forget_deleted(connection: Connection, remake: Remake) -> None:
    """Delete from the target what was deleted from the source since."""
    kept = faces.alias("kept")
    there = exists(literal(1)).where(kept.c.collection_key == remake.source.key, kept.c.face_id == faces.c.face_id)
    query = select(faces.c.key).where(faces.c.collection_key == remake.target.key, ~there.correlate(faces))
    gone = list(connection.execute(query).scalars())
    note_deleted(connection, remake.target.key, FACES, gone)
    for some in in_lists(gone):
        connection.execute(delete(faces).where(faces.c.key.in_(some)))


def _copy_users(connection: Connection, remake: Remake) -> None:
    """The users of the source, and whose of the target's faces is whose."""
    mine = users.c.collection_key == remake.source.key
    columns = select(literal(remake.target.key), users.c.user_id, users.c.created_at).where(mine).order_by(users.c.key)
    connection.execute(insert(users).from_select(["collection_key", "user_id", "created_at"], columns))
    new_face, new_user = faces.alias("new_face"), users.alias("new_user")
    pairs = (
        select(new_face.c.key, new_user.c.key)
        .select_from(memberships)
        .join(faces, faces.c.key == memberships.c.face_key)
        .join(users, users.c.key == memberships.c.user_key)
        .join(new_face, (new_face.c.collection_key == remake.target.key) & (new_face.c.face_id == faces.c.face_id))
        .join(new_user, (new_user.c.collection_key == remake.target.key) & (new_user.c.user_id == users.c.user_id))
        .where(faces.c.collection_key == remake.source.key)
    )
    connection.execute(insert(memberships).from_select(["face_key", "user_key"], pairs))


def _copy_curation(connection: Connection, remake: Remake) -> None:
    """Which faces are not whose, which files came in, and what can be undone: an act stays the same one."""
    new_face = faces.alias("new_face")
    same = (new_face.c.collection_key == remake.target.key) & (new_face.c.face_id == faces.c.face_id)
    mine = faces.c.collection_key == remake.source.key
    target = literal(remake.target.key)
    for table, columns in (
        (separations, {"user_id": separations.c.user_id, "act_key": separations.c.act_key}),
        (user_act_faces, {name: user_act_faces.c[name] for name in ("act_key", "before", "after")}),
        (uploads, {"collection_key": target, **{name: uploads.c[name] for name in ("sha256", "uploaded_at")}}),
    ):
        found = select(new_face.c.key, *columns.values()).select_from(table)
        found = found.join(faces, faces.c.key == table.c.face_key).join(new_face, same).where(mine)
        connection.execute(insert(table).from_select(["face_key", *columns], found))
    acts = user_acts.c.collection_key == remake.source.key
    connection.execute(update(user_acts).where(acts).values(collection_key=remake.target.key))
    faceless = (uploads.c.collection_key == remake.source.key) & uploads.c.face_key.is_(None)
    connection.execute(update(uploads).where(faceless).values(collection_key=remake.target.key))


def _copy_files(connection: Connection, remake: Remake) -> None:
    others = [column for column in indexed_files.c if column.name != "collection_key"]
    found = select(literal(remake.target.key), *others).where(indexed_files.c.collection_key == remake.source.key)
    names = ["collection_key", *(column.name for column in others)]
    connection.execute(insert(indexed_files).from_select(names, found))


def _keep_terms(connection: Connection, remake: Remake) -> None:
    """On what terms the faces and the whole are kept, what people agreed to, faces' pictures, and where jobs found
    faces: they would go with the source."""
    target = {"collection_key": remake.target.key}
    for table in (collection_terms, consents, job_faces):
        connection.execute(update(table).where(table.c.collection_key == remake.source.key).values(target))
    for table in (enrolment_terms, face_pictures):
        there = exists(literal(1)).where(
            faces.c.collection_key == remake.target.key, faces.c.face_id == table.c.face_id
        )
        mine = (table.c.collection_key == remake.source.key) & there
        connection.execute(update(table).where(mine).values(target))


def _replace(connection: Connection, remake: Remake) -> None:
    source, target = collections.c.key == remake.source.key, collections.c.key == remake.target.key
    row = connection.execute(select(collections.c.id, collections.c.tags, collections.c.created_at).where(source)).one()
    note_emptied(connection, remake.source.key)
    _keep_terms(connection, remake)
    connection.execute(delete(collections).where(source))
    values = {"id": row.id, "tags": row.tags, "created_at": row.created_at}
    connection.execute(update(collections).where(target).values(values))


def _remove(connection: Connection, target: Collection) -> None:
    note_emptied(connection, target.key)
    connection.execute(delete(collections).where(collections.c.key == target.key))
