"""The follower: keeps the indexes saying what SQL says, whichever process wrote it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Row, func, select

from regard.domain import IntArray, Progress
from regard.store.database import Database
from regard.store.tables import collections, faces, removals, user_vectors
from regard.store.vector_rows import VectorRows
from regard.store.vectors import VectorIndex

#: Vectors read and added at once: 8 MiB of float16 at D=512.
_BATCH = 8192
#: How often `agreement` tries to find a moment in which nobody writes.
_QUIET_TRIES = 20

_LAST_REMOVAL = select(func.coalesce(func.max(removals.c.seq), 0)).scalar_subquery()
_JOURNAL = select(removals).order_by(removals.c.seq)
Entry = Row[tuple[Any, ...]]


@dataclass(slots=True)
class _Track:
    """One table and the index that follows it.

    `key` is the last one seen, `gone` the journal's column for its keys, `turns` how often some were removed.
    """

    noun: str
    gone: str
    rows: VectorRows
    index: VectorIndex
    key: int = 0
    turns: int = 0

    def resume(self, highest: int, owners: Iterable[int], entries: Sequence[Entry], progress: Progress | None) -> None:
        """Bring an index that holds some vectors already up to `highest`; `entries` are the removals it has missed."""
        sealed = self.index.resume().sealed
        self.remove_gone(entries)
        done = 0
        for owner in owners:
            done = self.load(owner, sealed.get(owner, 0), done, progress)
        self.key = highest

    def load(self, owner: int, after: int, done: int, progress: Progress | None) -> int:
        """Add what SQL has of a collection above the key `after`; how many that makes with those `done` before."""
        while stored := self.rows.of(owner, after, _BATCH):
            self.index.add(owner, stored.keys, stored.embeddings)
            after, done = int(stored.keys[-1]), done + len(stored.keys)
            if progress:
                progress(f"Loading {self.noun} into the index", done, None)
        return done

    def forget_what_is_ahead(self, journal: int, highest: int) -> bool:
        """Whether the index resumes; one that knows more than the database, which was restored then, begins anew."""
        held = self.index.resume()
        if held.journal > journal or max(held.sealed.values(), default=0) > highest:
            for collection_key in held.sealed:
                self.index.drop(collection_key)
            return False
        return bool(held.sealed)

    def add_new(self, progress: Progress | None) -> None:
        total = self.rows.count_since(self.key) if progress else None
        done, more = 0, True
        while more:
            batch = self.rows.since(self.key, _BATCH)
            for stored in batch:
                self.index.add(stored.collection_key, stored.keys, stored.embeddings)
            found = sum(len(stored.keys) for stored in batch)
            done, more = done + found, found == _BATCH
            self.key = max((int(stored.keys[-1]) for stored in batch), default=self.key)
            if progress and total:
                progress(f"Loading {self.noun} into the index", done, total)

    def remove_gone(self, entries: Sequence[Entry]) -> None:
        for collection_key, group in groupby(sorted(entries, key=_owner), key=_owner):
            mine = list(group)
            if any(entry.face_key is None and entry.user_vector_key is None for entry in mine):
                self.index.drop(collection_key)
            elif keys := [key for entry in mine if (key := getattr(entry, self.gone)) is not None]:
                self.turns += 1
                self.index.remove(collection_key, np.array(keys, np.int64))

    def held(self) -> dict[int, IntArray]:
        return {key: self.index.keys(key) for key in self.index.collections()}


class Follower:
    """Brings the indexes up to SQL. Call `catch_up` after every write and before every search.

    Keys only rise and are never given twice, so "above the last key seen" is every new vector; and one found there
    after the journal was read can only be removed by a later entry. Hence the journal is read first, then what is new.
    It is applied last, so that a user whose vector is replaced is never without one.
    """

    def __init__(self, database: Database, *, faces_index: VectorIndex, users_index: VectorIndex) -> None:
        # A `write` around a `catch_up` may yet be undone, and then its keys are given again, to others.
        self._database = committed = database.committed()
        self._users = _Track("users", "user_vector_key", VectorRows(committed, user_vectors), users_index)
        self._tracks = (_Track("faces", "face_key", VectorRows(committed, faces), faces_index), self._users)
        self._now = select(_LAST_REMOVAL, *(track.rows.highest() for track in self._tracks))
        self._lock = threading.Lock()
        self._seq = 0

    def rebuild(self, progress: Progress | None = None) -> None:
        """Fill the indexes with every vector there is that they do not hold already."""
        with self._lock:
            seq, *highest = self._head()
            owners = self._owners()
            for track, key in zip(self._tracks, highest, strict=True):
                if track.forget_what_is_ahead(seq, max(key, self._highest_removed(track.gone))):
                    track.resume(key, owners, self._entries(track.index.resume().journal), progress)
                else:
                    track.add_new(progress)  # what was removed before this moment is not there to load
                track.index.settle(seq)
            self._seq = seq

    def renew(self, collection_key: int, progress: Progress | None = None) -> None:
        """Throw away what the indexes hold of a collection, files too, and fill them from SQL again."""
        self.catch_up()
        with self._lock:
            for track in self._tracks:
                track.index.drop(collection_key)
                track.load(collection_key, 0, 0, progress)

    def catch_up(self) -> None:
        """Return when the indexes hold all that SQL held when this was called."""
        head = self._head()
        if self._has(head):
            return
        with self._lock:
            if not self._has(head):
                self._advance()

    @property
    def user_turns(self) -> int:
        """Counts removals of users' vectors: a search over which it stays the same has seen each user's old or new one.

        An index may forget a key that a search is about to reach; the vector in its place came after the search began.
        """
        return self._users.turns

    def agreement(self) -> list[str]:
        """Where the indexes and SQL differ, in words; empty when they hold exactly the same."""
        for _ in range(_QUIET_TRIES):
            self.catch_up()
            with self._lock:
                before = self._head()
                held = [(track.noun, track.rows.keys(), track.held()) for track in self._tracks]
                if self._has(before) and self._head() == before:
                    return [said for each in held for said in _differences(*each)]
        return ["the database is being written to without a pause; compare again when it is quiet"]

    def _head(self) -> tuple[int, ...]:
        """The last removal, then the highest key of each table."""
        with self._database.read() as connection:
            return tuple(connection.execute(self._now).one())

    def _has(self, head: tuple[int, ...]) -> bool:
        reached = (self._seq, *(track.key for track in self._tracks))
        return all(here >= there for here, there in zip(reached, head, strict=True))

    def _advance(self) -> None:
        entries = self._entries(self._seq)
        for track in self._tracks:
            track.add_new(None)
            track.remove_gone(entries)
            if entries:
                track.index.settle(entries[-1].seq)
        if entries:
            self._seq = entries[-1].seq

    def _entries(self, after: int) -> Sequence[Entry]:
        """The removals after one."""
        with self._database.read() as connection:
            return connection.execute(_JOURNAL.where(removals.c.seq > after)).all()

    def _owners(self) -> list[int]:
        with self._database.read() as connection:
            return list(connection.execute(select(collections.c.key).order_by(collections.c.key)).scalars())

    def _highest_removed(self, gone: str) -> int:
        with self._database.read() as connection:
            highest: int = connection.execute(select(func.coalesce(func.max(removals.c[gone]), 0))).scalar_one()
        return highest


def _owner(entry: Entry) -> int:
    key: int = entry.collection_key
    return key


def _differences(noun: str, stored: dict[int, IntArray], held: dict[int, IntArray]) -> Iterator[str]:
    nothing = np.empty(0, np.int64)
    for collection_key in sorted(stored.keys() | held.keys()):
        in_sql, in_index = stored.get(collection_key, nothing), held.get(collection_key, nothing)
        for keys, where in (
            (np.setdiff1d(in_sql, in_index), "in SQL but not in the index"),
            (np.setdiff1d(in_index, in_sql), "in the index but not in SQL"),
        ):
            if len(keys):
                shown = ", ".join(map(str, keys[:10])) + (", ..." if len(keys) > 10 else "")
                yield f"collection {collection_key}: {len(keys)} {noun} are {where}, of keys {shown}"
