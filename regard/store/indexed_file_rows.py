"""Indexed files: the files a folder's indexing has dealt with, and the pictures of candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from sqlalchemy import bindparam, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from regard.store.collection_guard import collection_gone
from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.tables.faces import faces
from regard.store.tables.indexed_files import indexed_files


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFile:
    """One file and what came of it; `image_id` is None if nothing of it was stored."""

    path: str
    size: int
    modified_ns: int
    image_id: str | None
    outcome: str


class IndexedFileRows:
    """Remember and find files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def with_faces(self) -> Iterator[None]:
        """One transaction for the files recorded inside and the faces stored inside: all of them or none."""
        with self._database.write():
            yield

    def done(self, collection_key: int) -> dict[str, tuple[int, int]]:
        """Path to (size, modified_ns) of every file dealt with."""
        query = select(indexed_files.c.path, indexed_files.c.size, indexed_files.c.modified_ns)
        with self._database.read() as connection:
            rows = connection.execute(query.where(indexed_files.c.collection_key == collection_key))
            return {path: (size, modified_ns) for path, size, modified_ns in rows}

    def record(self, collection_key: int, rows: Sequence[IndexedFile]) -> None:
        """Remember these files; of a path that comes twice, the last. Raises ResourceNotFound for a collection gone."""
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
            raise collection_gone() from error

    def forget_images(self, collection_key: int, image_ids: Sequence[str]) -> None:
        """Forget which file those of the images came from that have no face left. The file is still known as done, or
        the next run over its folder would enrol it again."""
        files = indexed_files.c
        held = exists().where(faces.c.collection_key == collection_key, faces.c.image_id == files.image_id)
        with self._database.write() as connection:
            for some in in_lists(image_ids):
                theirs = (files.collection_key == collection_key) & files.image_id.in_(some) & ~held
                connection.execute(update(indexed_files).where(theirs).values(image_id=None))

    def path_of(self, collection_key: int, image_ids: Sequence[str]) -> dict[str, str]:
        """Image id to path, of the images that came from a file."""
        query = select(indexed_files.c.image_id, indexed_files.c.path).where(
            indexed_files.c.collection_key == collection_key
        )
        with self._database.read() as connection:
            return {
                image_id: path
                for some in in_lists(image_ids)
                for image_id, path in connection.execute(query.where(indexed_files.c.image_id.in_(some)))
            }
