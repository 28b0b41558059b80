"""Enrolled faces to make seeded pairs of: those with a picture, by whom they are said to be."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Delete, delete, exists, func, literal, select, update

from regard.domain.cases import CaseState
from regard.store.database import Database
from regard.store.tables.cases import case_candidates, case_pictures, cases, face_pictures
from regard.store.tables.collections import collections
from regard.store.tables.faces import faces
from regard.store.tables.users import memberships, users

#: Faces in a row that one draw looks at: pictures of one person are often enrolled together.
_IN_A_ROW = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturedFace:
    """A face whose picture is at hand, and what says whose it is."""

    face_id: str
    image_id: str
    external_image_id: str | None = None
    user_id: str | None = None


class SeedRows:
    """Some of a collection's faces, from a place drawn by lot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forget(self, collection: str, *, undrawn_before: datetime, judged_before: datetime) -> None:
        """Erase old pairs."""
        mine = cases.c.collection == collection
        with self._database.write() as connection:
            connection.execute(_undrawn(mine & (cases.c.opened_at < undrawn_before)))
            old = (cases.c.state == str(CaseState.SEEDED)) & mine & (cases.c.opened_at < judged_before)
            connection.execute(delete(cases).where(old))

    def end(self, case_id: str) -> None:
        """Forget whose faces a judged pair was of: only the answer counts."""
        mine = case_candidates.c.case_id == case_id
        with self._database.write() as connection:
            connection.execute(update(case_candidates).where(mine).values(face_id=""))
            connection.execute(delete(case_pictures).where(case_pictures.c.case_id == case_id))

    def some(self, collection_key: int) -> list[PicturedFace]:
        mine = faces.c.collection_key == collection_key
        query = (
            select(faces.c.face_id, faces.c.image_id, faces.c.external_image_id, users.c.user_id)
            .join_from(
                faces,
                face_pictures,
                (face_pictures.c.collection_key == faces.c.collection_key)
                & (face_pictures.c.face_id == faces.c.face_id),
            )
            .outerjoin(memberships, memberships.c.face_key == faces.c.key)
            .outerjoin(users, users.c.key == memberships.c.user_key)
            .where(mine)
        )
        with self._database.read() as connection:
            ends = connection.execute(select(func.min(faces.c.key), func.max(faces.c.key)).where(mine)).one()
            if ends[0] is None:
                return []
            start = ends[0] + secrets.randbelow(ends[1] - ends[0] + 1)
            later = query.where(faces.c.key >= start).order_by(faces.c.key).limit(_IN_A_ROW)
            rows = list(connection.execute(later))
            if len(rows) < _IN_A_ROW:
                before = query.where(faces.c.key < start).order_by(faces.c.key).limit(_IN_A_ROW - len(rows))
                rows += connection.execute(before)
        return [PicturedFace(**row._mapping) for row in rows]


def forget_undrawn(connection: Connection, collection_key: int) -> None:
    """A face of the collection goes, and may be in a pair that nobody has judged yet: those go too, and others are
    made."""
    name = select(collections.c.id).where(collections.c.key == collection_key).scalar_subquery()
    connection.execute(_undrawn(cases.c.collection == name))


def _undrawn(which: ColumnElement[bool]) -> Delete:
    """Seeded pairs that are to be judged, with their pictures."""
    judged = exists(literal(1)).where(
        case_candidates.c.case_id == cases.c.id, case_candidates.c.decided_at.is_not(None)
    )
    return delete(cases).where(cases.c.state == str(CaseState.SEEDED), which, ~judged)
