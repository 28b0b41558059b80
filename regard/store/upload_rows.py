"""Uploads: which files' pictures came in already, by the SHA-256 of their bytes, so that none comes in twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, insert, select

from regard.store.collection_guard import guard
from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.tables.curation import uploads


class UploadRows:
    """Remember files, and find them. One is known as long as a face of it is there; without any, until `purge`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, collection_key: int, sha256: str, face_keys: Sequence[int], now: datetime) -> None:
        """Remember a file and its faces, if any; in the transaction that stores them. Raises ResourceNotFound."""
        row = {"collection_key": collection_key, "sha256": sha256, "uploaded_at": now}
        with self._database.write() as connection:
            guard(connection, collection_key)
            known = set(self.faces(collection_key, sha256))
            fresh = [key for key in dict.fromkeys(face_keys) if key not in known]
            if fresh:
                connection.execute(insert(uploads), [row | {"face_key": key} for key in fresh])
            elif not face_keys and not self.known(collection_key, [sha256]):
                connection.execute(insert(uploads).values(row | {"face_key": None}))

    def known(self, collection_key: int, hashes: Sequence[str]) -> set[str]:
        """Those of the files that came in."""
        query = select(uploads.c.sha256).where(uploads.c.collection_key == collection_key)
        with self._database.read() as connection:
            return {
                sha256
                for some in in_lists(hashes)
                for sha256 in connection.execute(query.where(uploads.c.sha256.in_(some))).scalars()
            }

    def faces(self, collection_key: int, sha256: str) -> list[int]:
        """The keys of a file's faces that are there."""
        query = select(uploads.c.face_key).where(
            uploads.c.collection_key == collection_key, uploads.c.sha256 == sha256, uploads.c.face_key.is_not(None)
        )
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(uploads.c.face_key)).scalars())

    def old(self, before: datetime) -> int:
        """How many files without a face came in before a moment."""
        query = select(func.count()).select_from(uploads).where(_faceless(before))
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def purge(self, before: datetime) -> int:
        """Forget the files without a face that came in before a moment; how many."""
        with self._database.write() as connection:
            return connection.execute(delete(uploads).where(_faceless(before))).rowcount


def _faceless(before: datetime) -> ColumnElement[bool]:
    return uploads.c.face_key.is_(None) & (uploads.c.uploaded_at <= before)
