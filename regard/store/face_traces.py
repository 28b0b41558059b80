"""What is kept beside a face, and goes with it: its terms, its picture, and what jobs and cases say of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete

from regard.store.candidate_traces import erase_candidates
from regard.store.in_lists import in_lists
from regard.store.job_result_rows import forget_faces
from regard.store.seed_rows import forget_undrawn
from regard.store.tables.cases import face_pictures
from regard.store.tables.retention import enrolment_terms


def forget_traces(connection: Connection, collection_key: int, face_ids: Sequence[str]) -> None:
    """These faces of the collection go in this transaction."""
    for some in in_lists(face_ids):
        for table in (enrolment_terms, face_pictures):
            theirs = (table.c.collection_key == collection_key) & table.c.face_id.in_(some)
            connection.execute(delete(table).where(theirs))
    if face_ids:
        forget_faces(connection, collection_key, face_ids)
        forget_undrawn(connection, collection_key)
        erase_candidates(connection, collection_key, face_ids)
