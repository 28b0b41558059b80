"""Sources: the files a folder's indexing has dealt with, and where candidates' pictures lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from regard.errors import ResourceNotFound
from regard.store.database import Database
from regard.store.tables.indexed_files import indexed_files

#: Parameters in one IN list; SQLite's own limit is 32,766.
_CHUNK = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFile:
    """One file and what came of it; `image_id` is None where nothing was stored of it."""

    path: str
    size: int
    modified_ns: int
    image_id: str | None
    outcome: str


class IndexedFileRows:
    """Remember and find files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def done(self, collection_key: int) -> dict[str, tuple[int, int]]:
        """Path to (size, modified_ns) of every file dealt with."""
        query = select(indexed_files.c.path, indexed_files.c.size, indexed_files.c.modified_ns)
        with self._database.read() as connection:
            rows = connection.execute(query.where(indexed_files.c.collection_key == collection_key))
            return {path: (size, modified_ns) for path, size, modified_ns in rows}

    def record(self, collection_key: int, rows: Sequence[IndexedFile]) -> None:
        """Remember these files; the last word about a path holds. Raises ResourceNotFound for a collection gone."""
        if not rows:
            return
        latest = {row.path: {"collection_key": collection_key} | asdict(row) for row in rows}
        forget = delete(indexed_files).where(
            indexed_files.c.collection_key == collection_key,
            indexed_files.c.path == bindparam("known", type_=indexed_files.c.path.type),
        )
        try:
            with self._database.write() as connection:
                connection.execute(forget, [{"known": path} for path in latest])
                connection.execute(insert(indexed_files), list(latest.values()))
        except IntegrityError as error:
            raise ResourceNotFound("The collection was deleted meanwhile.") from error

    def path_of(self, collection_key: int, image_ids: Sequence[str]) -> dict[str, str]:
        """Image id to path, of the images that came from a file."""
        query = select(indexed_files.c.image_id, indexed_files.c.path).where(
            indexed_files.c.collection_key == collection_key
        )
        with self._database.read() as connection:
            return {
                image_id: path
                for start in range(0, len(image_ids), _CHUNK)
                for image_id, path in connection.execute(
                    query.where(indexed_files.c.image_id.in_(image_ids[start : start + _CHUNK]))
                )
            }
