"""Pictures that reviewers compare, encrypted: rows only. A face's is its part of what it was enrolled from; a case's
are copies, which last as long as the case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, insert, literal, select

from regard.domain.cases import UNDECIDED, PairKind
from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.tables.cases import case_candidates, case_pictures, cases, face_pictures


class PictureRows:
    """Keep, find and drop the encrypted pictures of faces and of cases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, collection_key: int, pictures: dict[str, bytes]) -> None:
        """The encrypted pictures of faces, by face id; one that is there stays."""
        if not pictures:
            return
        with self._database.write() as connection:
            there = self.of_faces(collection_key, list(pictures))
            rows = [
                {"collection_key": collection_key, "face_id": face_id, "sealed": sealed}
                for face_id, sealed in pictures.items()
                if face_id not in there
            ]
            if rows:
                connection.execute(insert(face_pictures), rows)

    def of_faces(self, collection_key: int, face_ids: Sequence[str]) -> dict[str, bytes]:
        """Those of the faces' pictures that are at hand, by face id."""
        query = select(face_pictures.c.face_id, face_pictures.c.sealed)
        query = query.where(face_pictures.c.collection_key == collection_key)
        with self._database.read() as connection:
            return {
                row.face_id: row.sealed
                for some in in_lists(face_ids)
                for row in connection.execute(query.where(face_pictures.c.face_id.in_(some)))
            }

    def add(self, case_id: str, kind: str, number: int, sha256: str, sealed: bytes) -> None:
        """A picture of a case: `kind` is probe, whose number is 0, or candidate."""
        values: dict[str, Any] = {"case_id": case_id, "kind": kind, "number": number, "sha256": sha256}
        with self._database.write() as connection:
            connection.execute(insert(case_pictures).values(values | {"sealed": sealed}))

    def lacking(self, collection: str, face_id: str) -> list[tuple[str, int]]:
        """The candidates of that face, by case and number, that are to be decided and have no picture."""
        there = exists(literal(1)).where(
            case_pictures.c.case_id == case_candidates.c.case_id,
            case_pictures.c.kind == "candidate",
            case_pictures.c.number == case_candidates.c.number,
        )
        query = (
            select(case_candidates.c.case_id, case_candidates.c.number)
            .join(cases, cases.c.id == case_candidates.c.case_id)
            .where(
                cases.c.collection == collection,
                case_candidates.c.face_id == face_id,
                case_candidates.c.kind == str(PairKind.CANDIDATE),
                case_candidates.c.state.in_([str(state) for state in UNDECIDED]),
                ~there,
            )
        )
        with self._database.read() as connection:
            return [(row.case_id, row.number) for row in connection.execute(query)]

    def of_pair(self, case_id: str, number: int) -> dict[tuple[str, int], bytes]:
        """Of a case, the encrypted pictures of the probe and of one candidate, by kind and number."""
        query = select(case_pictures).where(case_pictures.c.case_id == case_id)
        query = query.where(case_pictures.c.number.in_((0, number)))
        with self._database.read() as connection:
            return {(row.kind, row.number): row.sealed for row in connection.execute(query)}

    def of_case(self, case_id: str) -> dict[tuple[str, int], bytes]:
        """All encrypted pictures of a case, by kind and number."""
        query = select(case_pictures).where(case_pictures.c.case_id == case_id).order_by(case_pictures.c.key)
        with self._database.read() as connection:
            return {(row.kind, row.number): row.sealed for row in connection.execute(query)}
