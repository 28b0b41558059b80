"""Acts on the faces of users: kept, listed, undone once, and forgotten when their time is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, insert, literal, or_, select, update

from regard.domain.user_acts import FaceMove, UserAct, UserActKind
from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.tables.curation import separations, user_act_faces, user_acts
from regard.store.tables.faces import faces
from regard.store.tables.users import memberships, users


class UserActRows:
    """Keep, find and forget acts. An act has a face as long as it is there: without any it is nobody's to undo."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        collection_key: int,
        kind: UserActKind,
        user_id: str,
        moves: Sequence[FaceMove],
        acted_by: str,
        now: datetime,
    ) -> int | None:
        """Keep what the current transaction does; its key, or None where it concerns no face."""
        if not moves:
            return None
        row = {"collection_key": collection_key, "kind": str(kind), "user_id": user_id}
        with self._database.write() as connection:
            added = insert(user_acts).values(row | {"acted_by": acted_by[:255], "acted_at": now})
            key: int = connection.execute(added.returning(user_acts.c.key)).scalar_one()
            connection.execute(
                insert(user_act_faces),
                [
                    {"act_key": key, "face_key": each.face_key, "before": each.before, "after": each.after}
                    for each in moves
                ],
            )
        return key

    def page(self, collection_key: int, since: datetime, before_key: int | None, limit: int) -> list[UserAct]:
        """Up to `limit` acts since a moment that still have a face, the latest first, those below `before_key`."""
        there = exists(literal(1)).where(user_act_faces.c.act_key == user_acts.c.key)
        query = select(user_acts).where(user_acts.c.collection_key == collection_key, user_acts.c.acted_at > since)
        if before_key is not None:
            query = query.where(user_acts.c.key < before_key)
        with self._database.read() as connection:
            rows = connection.execute(query.where(there).order_by(user_acts.c.key.desc()).limit(limit)).all()
            moves = _moves(connection, [row.key for row in rows])
        return [_act(row, moves.get(row.key, ())) for row in rows]

    def get(self, collection_key: int, key: int, since: datetime) -> UserAct | None:
        """One of them. In a transaction that undoes it, nobody else does meanwhile."""
        query = select(user_acts).where(
            user_acts.c.collection_key == collection_key, user_acts.c.key == key, user_acts.c.acted_at > since
        )
        with self._database.write() as connection:
            row = connection.execute(query.with_for_update()).one_or_none()
            return None if row is None else _act(row, _moves(connection, [key]).get(key, ()))

    def undone(self, key: int, now: datetime) -> None:
        """The act was undone in this transaction."""
        with self._database.write() as connection:
            connection.execute(update(user_acts).where(user_acts.c.key == key).values(undone_at=now))

    def owners(self, face_keys: Sequence[int]) -> dict[int, str | None]:
        """Whose these faces are now, of those that are there."""
        query = (
            select(faces.c.key, users.c.user_id)
            .outerjoin_from(faces, memberships, memberships.c.face_key == faces.c.key)
            .outerjoin(users, users.c.key == memberships.c.user_key)
        )
        with self._database.read() as connection:
            return {
                row.key: row.user_id
                for some in in_lists(face_keys)
                for row in connection.execute(query.where(faces.c.key.in_(some)))
            }

    def given_since(self, collection_key: int, key: int, user_ids: Collection[str]) -> set[str]:
        """Those of the users who were given faces, which are there, by an act after that of this key."""
        row = user_act_faces.c
        query = (
            select(row.after)
            .join_from(user_act_faces, user_acts)
            .where(user_acts.c.collection_key == collection_key, user_acts.c.key > key)
            .where(row.after.in_(list(user_ids)), row.before.is_distinct_from(row.after))
        )
        with self._database.read() as connection:
            return set(connection.execute(query.distinct()).scalars())

    def forget(self, collection_key: int, user_id: str) -> None:
        """Every act that names this user: nothing is to be kept of them."""
        with self._database.write() as connection:
            theirs = select(user_acts.c.key).where(user_acts.c.collection_key == collection_key)
            named = select(user_act_faces.c.act_key).where(
                user_act_faces.c.act_key.in_(theirs),
                or_(user_act_faces.c.before == user_id, user_act_faces.c.after == user_id),
            )
            mine = (user_acts.c.collection_key == collection_key) & (
                (user_acts.c.user_id == user_id) | user_acts.c.key.in_(named)
            )
            connection.execute(delete(user_acts).where(mine))
            held = select(faces.c.key).where(faces.c.collection_key == collection_key)
            theirs_not = (separations.c.user_id == user_id) & separations.c.face_key.in_(held)
            connection.execute(delete(separations).where(theirs_not))

    def old(self, before: datetime) -> int:
        """How many acts were before a moment."""
        with self._database.read() as connection:
            query = select(func.count()).select_from(user_acts).where(user_acts.c.acted_at <= before)
            return connection.execute(query).scalar_one()

    def purge(self, before: datetime) -> int:
        """Forget the acts before a moment, and of users who are gone for good whose they are not; how many acts."""
        with self._database.write() as connection:
            gone = connection.execute(delete(user_acts).where(user_acts.c.acted_at <= before)).rowcount
            there = exists(literal(1)).where(
                faces.c.key == separations.c.face_key,
                users.c.collection_key == faces.c.collection_key,
                users.c.user_id == separations.c.user_id,
            )
            undoable = exists(literal(1)).where(
                user_act_faces.c.act_key == user_acts.c.key,
                faces.c.key == separations.c.face_key,
                user_acts.c.collection_key == faces.c.collection_key,
                user_act_faces.c.before == separations.c.user_id,
            )
            connection.execute(delete(separations).where(~there, ~undoable))
        return gone


def _moves(connection: Connection, keys: Sequence[int]) -> dict[int, tuple[FaceMove, ...]]:
    found: dict[int, list[FaceMove]] = {}
    query = select(user_act_faces).order_by(user_act_faces.c.face_key)
    for some in in_lists(keys):
        for row in connection.execute(query.where(user_act_faces.c.act_key.in_(some))):
            move = FaceMove(face_key=row.face_key, before=row.before, after=row.after)
            found.setdefault(row.act_key, []).append(move)
    return {key: tuple(each) for key, each in found.items()}


def _act(row: Row[tuple[Any, ...]], moves: Sequence[FaceMove]) -> UserAct:
    return UserAct(
        key=row.key,
        kind=UserActKind(row.kind),
        user_id=row.user_id,
        acted_by=row.acted_by,
        acted_at=row.acted_at,
        moves=tuple(moves),
        undone_at=row.undone_at,
    )
