"""Separations: which faces somebody said are not which user's. They last until they are lifted, or undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, insert, select

from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.tables.curation import separations
from regard.store.tables.faces import faces
from regard.store.tables.users import memberships, users


class SeparationRows:
    """Keep, find and lift them. A user stands in them by name: they outlast a merge and its undoing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, face_keys: Iterable[int], user_id: str, act_key: int | None) -> None:
        """These faces are not that user's; one that is known already stays as it is."""
        with self._database.write() as connection:
            known = self.among(list(face_keys := list(face_keys)), user_id)
            rows = [{"face_key": key, "user_id": user_id, "act_key": act_key} for key in face_keys if key not in known]
            if rows:
                connection.execute(insert(separations), rows)

    def among(self, face_keys: Sequence[int], user_id: str) -> set[int]:
        """Those of the faces that are not that user's."""
        query = select(separations.c.face_key).where(separations.c.user_id == user_id)
        with self._database.read() as connection:
            return {
                key
                for some in in_lists(face_keys)
                for key in connection.execute(query.where(separations.c.face_key.in_(some))).scalars()
            }

    def of_user(self, collection_key: int, user_id: str) -> list[int]:
        """The faces of the collection that are not that user's, by key."""
        query = (
            select(separations.c.face_key)
            .join(faces, faces.c.key == separations.c.face_key)
            .where(faces.c.collection_key == collection_key, separations.c.user_id == user_id)
            .order_by(separations.c.face_key)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def apart(self, collection_key: int, user_id: str) -> set[str]:
        """The users who are not this one, because a face of one of the two is not the other's."""
        of_theirs = (
            select(users.c.user_id)
            .join(memberships, memberships.c.user_key == users.c.key)
            .join(separations, separations.c.face_key == memberships.c.face_key)
            .where(users.c.collection_key == collection_key, separations.c.user_id == user_id)
        )
        of_mine = (
            select(separations.c.user_id)
            .join(memberships, memberships.c.face_key == separations.c.face_key)
            .join(users, users.c.key == memberships.c.user_key)
            .where(users.c.collection_key == collection_key, users.c.user_id == user_id)
        )
        with self._database.read() as connection:
            return {*connection.execute(of_theirs).scalars(), *connection.execute(of_mine).scalars()}

    def lift(self, face_keys: Sequence[int], user_id: str) -> None:
        """These faces may be that user's again."""
        with self._database.write() as connection:
            for some in in_lists(face_keys):
                these = (separations.c.user_id == user_id) & separations.c.face_key.in_(some)
                connection.execute(delete(separations).where(these))

    def lift_of(self, act_key: int) -> int:
        """Those that came of an act; how many."""
        with self._database.write() as connection:
            return connection.execute(delete(separations).where(separations.c.act_key == act_key)).rowcount
