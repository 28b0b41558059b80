"""The follower of the indexes that all servers share. SQL keeps how far they are; one server a time brings them on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, true

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import MILVUS, Hits
from regard.domain.reporting import Progress
from regard.errors import InternalServerError
from regard.index.vector_index import SharedIndex
from regard.store import checkpoint_rows, move_rows
from regard.store.checkpoint_rows import Position, RestoreGuard
from regard.store.database import Database
from regard.store.tables.collections import collections
from regard.store.tables.faces import faces
from regard.store.tables.users import user_vectors
from regard.store.vector_rows import Stored, VectorRows, belongs
from regard.store.watermark_rows import Entry, Watermark, Watermarks
from regard.sync.feed import Feed, count, differences, empties, is_last, last, owner

#: Seconds in which an index that did not answer is not asked again: who waits for it keeps others from being answered.
_PATIENCE = 2.0
#: How often `agreement` tries to find a moment in which nobody writes.
_QUIET_TRIES = 20
_RESTLESS = "the database is being written to without a pause; compare again when it is quiet"


class SharedSync:
    """Whoever finds the indexes behind brings them on, one batch a turn.

    A turn is one server's alone: without it a slow one could add a face again that another has just removed. It reads
    how far they are, adds, removes, and says how far they are now; killed in between, the next one does it again.
    """

    def __init__(
        self,
        database: Database,
        *,
        faces_index: SharedIndex,
        users_index: SharedIndex,
        restore_guard: Path | None = None,
        name: str = MILVUS,
    ) -> None:
        """`restore_guard` is a file that remembers how far SQL was: with less than that it was restored since."""
        committed = database.committed()
        self.name = name
        self.tracks: tuple[Feed[SharedIndex], Feed[SharedIndex]] = (
            Feed("faces", "face_key", VectorRows(committed, faces, name), faces_index),
            Feed("users", "user_vector_key", VectorRows(committed, user_vectors, name), users_index),
        )
        self._database = database
        self._heads = Watermarks(committed, name)
        self._restore_guard = RestoreGuard(restore_guard)
        self._line = threading.Lock()
        #: What was added in a turn that failed: another may have removed it before it came.
        self._doubtful: list[tuple[Feed[SharedIndex], int, IntArray]] = []
        self._suspect = False
        self._silent_until, self._said = 0.0, ""
        self._trying = threading.Lock()

    def head(self) -> Watermark:
        """What is to be caught up with."""
        return self._heads.read()

    def rebuild(self, progress: Progress | None = None) -> None:
        """Add what the indexes lack; all of it where the database was restored since. Raises InternalServerError."""
        head = self._heads.read()
        highest = [
            max(key, self._heads.highest_removed(track.gone))
            for track, key in zip(self.tracks, head.highest, strict=True)
        ]
        if self._restore_guard.is_beyond(head.journal, highest):
            self.renew(progress)
        self._suspect = True  # even if nothing is new it may have been emptied
        self.catch_up(self._heads.read(), progress=progress)

    def renew(self, progress: Progress | None = None) -> None:
        """Throw away all that the indexes hold, and fill them from SQL again. Raises InternalServerError."""
        head = self._heads.read()
        with self._asked(), self._turn() as connection:
            for track in self.tracks:
                checkpoint_rows.write(connection, self.name, track.noun, self._anew(track, track.index.identity, head))
        self.catch_up(self._heads.read(), progress=progress)

    def catch_up(self, head: Watermark, collection_key: int | None = None, progress: Progress | None = None) -> None:
        """Return when the indexes hold all of `head`, and answer with it. Raises InternalServerError."""
        done = 0
        while self._suspect or self._doubtful or not _has(head):
            with self._asked():
                self._forget_deleted(head)
                added = self._advance()
            done += added
            if progress and added:
                progress(f"Loading into {self.name}", done, None)
            head = replace(head, positions=self._heads.read(collection_key).positions)
        for track, position in zip(self.tracks, head.positions, strict=True):
            if position:
                track.index.see(position.moment)

    def search(self, at: int, collection_key: int, probes: FloatArray, limit: int, threshold: float) -> list[Hits]:
        """As the index of that track. Raises InternalServerError."""
        with self._asked():
            return self.tracks[at].index.search(collection_key, probes, limit=limit, threshold=threshold)

    def fill(self, collection_key: int, at: int, after: int) -> Stored | None:
        """Add the next batch of a collection's vectors above a key, in a turn; None where there is none."""
        track = self.tracks[at]
        with self._asked(), self._turn() as connection:
            position = self._heads.read().positions[at]
            if position is None or position.identity != track.index.identity:
                raise InternalServerError(f"The index {self.name} was emptied meanwhile. Try again.")
            stored = track.load(collection_key, after)
            if stored:
                self._add(connection, track, [stored])
                move_rows.note(connection, collection_key, track.noun, int(stored.keys[-1]))
                checkpoint_rows.write(connection, self.name, track.noun, _now(track, position))
        return stored

    def agreement(self) -> list[str]:
        """Where the indexes and SQL differ, in words, less the collections that are being filled."""
        for _ in range(_QUIET_TRIES):
            before = self._heads.read()
            self.catch_up(before)
            coming = self._heads.collections(belongs(self.name) & (collections.c.index_name != self.name))
            with self._asked():
                held = [(track.noun, track.rows.keys(), track.held()) for track in self.tracks]
            if replace(self._heads.read(), positions=before.positions) == before:
                kept = [(noun, _without(stored, coming), _without(there, coming)) for noun, stored, there in held]
                return [said for each in kept for said in differences(*each)]
        return [_RESTLESS]

    def health(self) -> str:
        """What the index says of itself. Raises InternalServerError."""
        with self._asked():
            return self.tracks[0].index.health()

    def close(self) -> None:
        for track in self.tracks:
            track.index.close()

    def _forget_deleted(self, head: Watermark) -> None:
        """What takes long is done before the turn, where it can be: nobody adds to a collection that was deleted."""
        journal = min(position.journal if position else head.journal for position in head.positions)
        if journal == head.journal:
            return
        emptied = {owner(entry) for entry in self._heads.entries(journal) if empties(entry, self.name)}
        for collection_key in emptied.difference(self._heads.collections(true()) if emptied else ()):
            for track in self.tracks:
                track.index.drop(collection_key)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Around what asks the index: one that did not answer is left alone for a while, then tried by one thread."""
        said = self._said
        if said and (time.monotonic() < self._silent_until or not self._trying.acquire(blocking=False)):
            raise InternalServerError(said)
        try:
            yield
            self._said = ""
        except InternalServerError as error:
            self._suspect = True
            self._silent_until, self._said = time.monotonic() + _PATIENCE, error.message
            raise
        finally:
            if said:
                self._trying.release()

    # -- in a turn -------------------------------------------------------------------------------------------

    @contextmanager
    def _turn(self) -> Iterator[Connection]:
        with self._line:
            with self._database.turn() as connection:
                for track, collection_key, keys in self._doubtful:
                    there, _ = track.rows.among(collection_key, keys)
                    track.index.remove(collection_key, np.setdiff1d(keys, there))
                yield connection
            self._doubtful.clear()

    def _advance(self) -> int:
        """One batch of each track; with the last one the deletions. How many were added."""
        with self._turn() as connection:
            head = self._heads.read()
            before = [self._position(track, head, at) for at, track in enumerate(self.tracks)]
            entries = self._heads.entries(min(position.journal for position in before))
            batches = [track.next(position.key) for track, position in zip(self.tracks, before, strict=True)]
            whole = all(is_last(batch) for batch in batches)
            for at, track in enumerate(self.tracks):
                position = before[at]
                self._add(connection, track, batches[at])
                key, journal = last(batches[at], position.key), position.journal
                if whole:
                    key = max(key, head.highest[at])
                    journal = self._remove(connection, track, entries, journal)
                reached = _now(track, replace(position, key=key, journal=journal))
                if reached != head.positions[at]:
                    checkpoint_rows.write(connection, self.name, track.noun, reached)
        self._suspect = False
        self._restore_guard.note(head.journal, head.highest)
        return sum(count(batch) for batch in batches)

    def _position(self, track: Feed[SharedIndex], head: Watermark, at: int) -> Position:
        known, identity = head.positions[at], track.index.identity
        return known if known and known.identity == identity else self._anew(track, identity, head)

    def _anew(self, track: Feed[SharedIndex], identity: str, head: Watermark) -> Position:
        """The beginning, of an index that may hold whatever it likes."""
        for collection_key in track.index.collections():
            track.index.drop(collection_key)
        anything = self._heads.collections(belongs(self.name))
        highest = head.highest[self.tracks.index(track)]
        return Position(identity=identity, journal=head.journal, key=0 if anything else highest)

    def _add(self, connection: Connection, track: Feed[SharedIndex], batch: Sequence[Stored]) -> None:
        for stored in batch:
            _hold(connection)
            self._doubtful.append((track, stored.collection_key, stored.keys))
            track.add([stored])

    def _remove(self, connection: Connection, track: Feed[SharedIndex], entries: Sequence[Entry], journal: int) -> int:
        """Make the deletions after one, but not those of collections that live elsewhere; the last one's number."""
        new = [entry for entry in entries if entry.seq > journal]
        if not new:
            return journal
        _hold(connection)
        strangers = set(self._heads.collections(~belongs(self.name)))
        track.remove_gone(
            [each for each in new if each.collection_key not in strangers or empties(each, self.name)], self.name
        )
        return int(new[-1].seq)


def _hold(connection: Connection) -> None:
    """Say that we are still there. Raises InternalServerError if the turn was given to another meanwhile."""
    connection.exec_driver_sql("SELECT 1").close()


def _now(track: Feed[SharedIndex], position: Position) -> Position:
    """The position at this moment, which is no earlier than the one that another server has told."""
    return replace(position, moment=max(position.moment, track.index.moment))


def _has(head: Watermark) -> bool:
    return all(
        position is not None and position.journal >= head.journal and position.key >= own
        for position, own in zip(head.positions, head.own, strict=True)
    )


def _without(keys: dict[int, IntArray], coming: Sequence[int]) -> dict[int, IntArray]:
    return {collection_key: each for collection_key, each in keys.items() if collection_key not in coming}
