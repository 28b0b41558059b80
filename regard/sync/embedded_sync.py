"""The follower of the embedded indexes: in memory, as they are, and for one process."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from regard.domain.galleries import EMBEDDED
from regard.domain.reporting import Progress
from regard.index.vector_index import VectorIndex
from regard.store.database import Database
from regard.store.tables.collections import collections
from regard.store.tables.faces import faces
from regard.store.tables.users import user_vectors
from regard.store.vector_rows import VectorRows
from regard.store.watermark_rows import Entry, Watermark, Watermarks
from regard.sync.feed import Feed, count, differences, empties, is_last, last, owner

_HERE = collections.c.index_name == EMBEDDED
#: How often `agreement` tries to find a moment in which nobody writes.
_QUIET_TRIES = 20
_RESTLESS = "the database is being written to without a pause; compare again when it is quiet"


class EmbeddedSync:
    """Keys only rise and are never given twice, so "above the last key seen" is every new vector; and one found there
    after the journal was read can only be removed by a later entry. Hence the journal is read first, then what is new.
    It is applied last, so that a user whose vector is replaced is never without one.

    A collection that moves here is read by who searches in it first; the others do not wait.
    """

    def __init__(
        self, database: Database, heads: Watermarks, *, faces_index: VectorIndex, users_index: VectorIndex
    ) -> None:
        self.tracks: tuple[Feed[VectorIndex], Feed[VectorIndex]] = (
            Feed("faces", "face_key", VectorRows(database, faces, EMBEDDED), faces_index),
            Feed("users", "user_vector_key", VectorRows(database, user_vectors, EMBEDDED), users_index),
        )
        self._heads = heads
        self._lock = threading.Lock()
        self._journal = 0
        self._keys = [0, 0]
        #: Rises before a collection vanishes, which may be found elsewhere then.
        self.emptied = 0
        #: By collection the keys up to which it was read, of faces and of users.
        self._arriving: dict[int, list[int]] = {}

    def replaced(self, track: int) -> int:
        """Rises before a vector vanishes in whose place another was added: of users, an old one."""
        return track * self.tracks[track].turns

    def rebuild(self, progress: Progress | None) -> None:
        """Add every vector there is that the indexes do not hold already."""
        with self._lock:
            head = self._heads.read()
            owners, alone = self._heads.collections(_HERE), not self._heads.collections(~_HERE)
            for track, highest in zip(self.tracks, head.highest, strict=True):
                resumes = self._resumes(track, head.journal, highest)
                if resumes:
                    track.remove_gone(self._heads.entries(track.index.resume().journal), EMBEDDED)
                if alone and not resumes:  # what was removed before this moment is not there to load
                    self._add_new(track, 0, progress)
                else:
                    self._load(track, owners, progress)
                track.index.settle(head.journal)
            self._journal, self._keys = head.journal, list(head.highest)

    def reload(self, track: int, collection_key: int) -> None:
        """Read what is in no file of a collection's from SQL again: some of it was lost."""
        with self._lock:
            self._load(self.tracks[track], [collection_key], None)

    def catch_up(self, head: Watermark, collection_key: int | None = None) -> None:
        """Return when the indexes hold all of `head`; of collections that are arriving only this one."""
        if not self._has(head):
            with self._lock:
                if not self._has(head):
                    self._advance(head)
        while collection_key in self._arriving:
            with self._lock:
                self._arrive(collection_key)

    def agreement(self) -> list[str]:
        for _ in range(_QUIET_TRIES):
            self.catch_up(self._heads.read())
            for collection_key in list(self._arriving):
                self.catch_up(self._heads.read(), collection_key)
            with self._lock:
                before = self._heads.read()
                held = [(track.noun, track.rows.keys(), track.held()) for track in self.tracks]
                if self._has(before) and self._heads.read() == before and not self._arriving:
                    return [said for each in held for said in differences(*each)]
        return [_RESTLESS]

    def _has(self, head: Watermark) -> bool:
        here, there = (self._journal, *self._keys), (head.journal, *head.highest)
        return all(mine >= wanted for mine, wanted in zip(here, there, strict=True))

    # -- with the lock ---------------------------------------------------------------------------------------

    def _advance(self, head: Watermark) -> None:
        entries = self._heads.entries(self._journal)
        emptied = {owner(entry) for entry in entries if empties(entry, EMBEDDED)}
        self.emptied += bool(emptied)
        for at, track in enumerate(self.tracks):
            self._keys[at] = max(self._add_new(track, self._keys[at], None), head.highest[at])
            track.remove_gone(entries, EMBEDDED)
        self._expect(emptied)
        self._settle(entries)

    def _settle(self, entries: Sequence[Entry]) -> None:
        if entries:
            for track in self.tracks:
                track.index.settle(entries[-1].seq)
            self._journal = entries[-1].seq

    def _expect(self, emptied: set[int]) -> None:
        for collection_key in emptied:
            self._arriving.pop(collection_key, None)
        for collection_key in emptied.intersection(self._heads.collections(_HERE) if emptied else ()):
            self._arriving[collection_key] = [0 for _ in self.tracks]

    def _arrive(self, collection_key: int) -> None:
        """Read one more batch: a longer turn would make every search of the process wait."""
        reached = self._arriving.get(collection_key, [])
        for at, after in enumerate(reached):
            if stored := self.tracks[at].load(collection_key, after):
                self.tracks[at].add([stored])
                reached[at] = int(stored.keys[-1])
                return
        self._arriving.pop(collection_key, None)

    def _resumes(self, track: Feed[VectorIndex], journal: int, highest: int) -> bool:
        """Whether the index goes on; one that knows more than the database, which was restored then, begins anew."""
        held = track.index.resume()
        highest = max(highest, self._heads.highest_removed(track.gone))
        if held.journal > journal or max(held.sealed.values(), default=0) > highest:
            for collection_key in held.sealed:
                track.index.drop(collection_key)
            return False
        return bool(held.sealed)

    def _load(self, track: Feed[VectorIndex], owners: Sequence[int], progress: Progress | None) -> None:
        """Add what SQL has of these collections above what the index holds in files."""
        sealed, done = track.index.resume().sealed, 0
        for collection_key in owners:
            after = sealed.get(collection_key, 0)
            while stored := track.load(collection_key, after):
                track.add([stored])
                after, done = int(stored.keys[-1]), done + len(stored.keys)
                if progress:
                    progress(f"Loading {track.noun} into the index", done, None)

    def _add_new(self, track: Feed[VectorIndex], after: int, progress: Progress | None) -> int:
        """Add what SQL has above a key; the last one's."""
        total = track.rows.count_since(after) if progress else None
        done, more = 0, True
        while more:
            batch = track.next(after)
            track.add(batch)
            after, done, more = last(batch, after), done + count(batch), not is_last(batch)
            if progress and total:
                progress(f"Loading {track.noun} into the index", done, total)
        return after
