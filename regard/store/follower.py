"""The follower: keeps an index saying what SQL says, whichever process wrote it."""

from __future__ import annotations

import threading
from itertools import groupby

import numpy as np
from sqlalchemy import Row, func, select

from regard.domain import IntArray, Progress
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.tables import faces, removals
from regard.store.vectors import VectorIndex

#: Faces read and added at once: 8 MiB of float16 at D=512.
_BATCH = 8192
#: How often `agreement` tries to find a moment in which nobody writes.
_QUIET_TRIES = 20

_HEAD = select(
    select(func.coalesce(func.max(faces.c.key), 0)).scalar_subquery(),
    select(func.coalesce(func.max(removals.c.seq), 0)).scalar_subquery(),
)
_JOURNAL = select(removals).order_by(removals.c.seq)


class Follower:
    """Brings one index up to SQL. Call `catch_up` after every write and before every search.

    Keys only rise and are never given twice, so "above the last key seen" is every new face; and a face found there
    after the journal was read can only be removed by a later entry. Hence removals first, then additions.
    """

    def __init__(self, database: Database, face_rows: FaceRows, index: VectorIndex) -> None:
        self._database = database
        self._face_rows = face_rows
        self._index = index
        self._lock = threading.Lock()
        self._face_key = 0
        self._seq = 0

    def rebuild(self, progress: Progress | None = None) -> None:
        """Fill an empty index with every face there is."""
        with self._lock:
            _, self._seq = self._head()  # what was removed before this moment is not there to load
            self._add_new(progress)

    def catch_up(self) -> None:
        """Return when the index holds all that SQL held when this was called."""
        head = self._head()
        if self._has(*head):
            return
        with self._lock:
            if not self._has(*head):
                self._remove_gone()
                self._add_new(None)

    def agreement(self) -> list[str]:
        """Where the index and SQL differ, in words; empty when they hold exactly the same faces."""
        for _ in range(_QUIET_TRIES):
            self.catch_up()
            with self._lock:
                before = self._head()
                stored = self._face_rows.keys()
                held = {key: self._index.keys(key) for key in self._index.collections()}
                if self._has(*before) and self._head() == before:
                    return _differences(stored, held)
        return ["the database is being written to without a pause; compare again when it is quiet"]

    def _head(self) -> tuple[int, int]:
        with self._database.read() as connection:
            face_key, seq = connection.execute(_HEAD).one()
        return face_key, seq

    def _has(self, face_key: int, seq: int) -> bool:
        return self._face_key >= face_key and self._seq >= seq

    def _remove_gone(self) -> None:
        with self._database.read() as connection:
            entries = connection.execute(_JOURNAL.where(removals.c.seq > self._seq)).all()
        for collection_key, group in groupby(sorted(entries, key=_owner), key=_owner):
            face_keys = [entry.face_key for entry in group]
            if None in face_keys:
                self._index.drop(collection_key)
            else:
                self._index.remove(collection_key, np.array(face_keys, np.int64))
        if entries:
            self._seq = entries[-1].seq

    def _add_new(self, progress: Progress | None) -> None:
        total = self._face_rows.count_since(self._face_key) if progress else None
        done, more = 0, True
        while more:
            batch = self._face_rows.since(self._face_key, _BATCH)
            for stored in batch:
                self._index.add(stored.collection_key, stored.keys, stored.embeddings)
            found = sum(len(stored.keys) for stored in batch)
            done, more = done + found, found == _BATCH
            self._face_key = max((int(stored.keys[-1]) for stored in batch), default=self._face_key)
            if progress:
                progress("Loading faces into the index", done, total)


def _owner(entry: Row[tuple[int, int, int | None]]) -> int:
    key: int = entry.collection_key
    return key


def _differences(stored: dict[int, IntArray], held: dict[int, IntArray]) -> list[str]:
    nothing = np.empty(0, np.int64)
    said = []
    for collection_key in sorted(stored.keys() | held.keys()):
        in_sql, in_index = stored.get(collection_key, nothing), held.get(collection_key, nothing)
        for keys, where in (
            (np.setdiff1d(in_sql, in_index), "in SQL but not in the index"),
            (np.setdiff1d(in_index, in_sql), "in the index but not in SQL"),
        ):
            if len(keys):
                shown = ", ".join(map(str, keys[:10])) + (", ..." if len(keys) > 10 else "")
                said.append(f"collection {collection_key}: {len(keys)} faces are {where}, of keys {shown}")
    return said
