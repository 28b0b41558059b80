"""The searches that returned a face: rows only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, insert, select

from regard.domain.cases import UNDECIDED
from regard.domain.subjects import SubjectSearch
from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.tables.authorisations import authorisations
from regard.store.tables.cases import case_candidates, searches
from regard.store.tables.ledger import ledger_entries
from regard.store.tables.people import people
from regard.store.tables.retention import subject_looks

_PAGE = 2000
#: What looks for somebody in every collection, by commands and by `/v1`.
SUBJECT_LOOKS = ("subject find", "subject erase", "POST /v1/subject/find")


class SubjectRows:
    """Finds searches in cases, and in the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def in_cases(self, face_ids: Sequence[str]) -> list[SubjectSearch]:
        """Searches with one of these faces among the candidates of their case, the first made first."""
        query = (
            select(
                searches.c.searched_at,
                searches.c.collection,
                searches.c.operation,
                authorisations.c.purpose,
                case_candidates.c.face_id,
            )
            .join(searches, searches.c.id == case_candidates.c.search_id)
            .outerjoin(authorisations, authorisations.c.id == searches.c.authorisation_id)
            .where(case_candidates.c.kind == "candidate")
        )
        with self._database.read() as connection:
            found = [
                SubjectSearch(**row._mapping)
                for some in in_lists(face_ids)
                for row in connection.execute(query.where(case_candidates.c.face_id.in_(some)))
            ]
        return sorted(found, key=lambda each: each.searched_at)

    def kept_in(self, face_ids: Sequence[str]) -> list[str]:
        """The cases in which one of these faces is a candidate who was decided."""
        query = select(case_candidates.c.case_id).where(
            case_candidates.c.kind == "candidate", case_candidates.c.state.not_in([str(each) for each in UNDECIDED])
        )
        with self._database.read() as connection:
            found = {
                case_id
                for some in in_lists(face_ids)
                for case_id in connection.execute(query.where(case_candidates.c.face_id.in_(some))).scalars()
            }
        return sorted(found)

    def take_look(self, person_id: str, now: datetime, within: timedelta, most: int) -> int | None:
        """Reserve one look for this person, if they have had fewer than `most` in so long; its key, to give it back."""
        mine = subject_looks.c.person_id == person_id
        with self._database.write() as connection:
            # Of several requests of theirs at once each counts those of the others.
            connection.execute(select(people.c.id).where(people.c.id == person_id).with_for_update())
            connection.execute(delete(subject_looks).where(mine, subject_looks.c.looked_at <= now - within))
            if connection.execute(select(func.count()).select_from(subject_looks).where(mine)).scalar_one() >= most:
                return None
            new = insert(subject_looks).values(person_id=person_id, looked_at=now).returning(subject_looks.c.key)
            return int(connection.execute(new).scalar_one())

    def give_back(self, key: int) -> None:
        """A look that found nothing out, for there was no face in the picture."""
        with self._database.write() as connection:
            connection.execute(delete(subject_looks).where(subject_looks.c.key == key))

    def in_the_ledger(self, face_ids: Sequence[str]) -> Iterator[SubjectSearch]:
        """The same, of what entries still say. Reads all of them."""
        wanted = {face_id.encode(): face_id for face_id in face_ids}
        at = ledger_entries.c.position
        query = select(at, ledger_entries.c.body).order_by(at).limit(_PAGE)
        after = -1
        with self._database.read() as connection:
            while rows := connection.execute(query.where(at > after)).all():
                after = rows[-1].position
                for row in rows:
                    body = row.body or b""
                    for text, face_id in wanted.items():
                        if text in body and (found := _search(body, face_id)):
                            yield found


def _search(body: bytes, face_id: str) -> SubjectSearch | None:
    """The search that an entry tells of, if it is one that returned the face."""
    said = json.loads(body)
    candidates = said.get("facts", {}).get("candidates", ())
    if said.get("action") != "search" or all(each.get("face") != face_id for each in candidates):
        return None
    return SubjectSearch(
        searched_at=datetime.strptime(said["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC),
        collection=said.get("collection") or "",
        operation=said["operation"],
        purpose=said.get("purpose"),
        face_id=face_id,
    )
