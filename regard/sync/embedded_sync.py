"""Following SQL in the embedded indexes: in memory, as they are, and for one process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from regard.domain.galleries import EMBEDDED
from regard.domain.reporting import Difference, Progress
from regard.index.vector_index import VectorIndex
from regard.store.database import Database
from regard.store.deletion_rows import Deletion, DeletionRows, DeletionsPruned
from regard.store.placement_rows import PlacementRows
from regard.store.watermark_rows import Watermark, Watermarks
from regard.sync.feed import Feed, FollowedFeed, count, deletion_batches, differences, is_last, last

#: How often `agreement` tries to find a moment without writes.
_QUIET_TRIES = 20
_RESTLESS = "the database is being written to without a pause; compare again when it is quiet"


class EmbeddedSync:
    """Keys only rise and are never given twice, so "above the last key seen" is every new vector; and a vector that is
    read after a watermark can only be deleted by a deletion above that watermark's. So the deletions of a watermark may
    be made after what is new was added, and a user whose vector is replaced is never without one.

    An index that finds that deletions it has not seen were pruned compares its keys with SQL instead.

    A collection that moves here is read by those who search it first; the others do not wait.
    """

    def __init__(self, database: Database, feeds: Sequence[Feed[VectorIndex]], watermarks: Watermarks) -> None:
        self.feeds = {feed.table.feed: FollowedFeed(database, feed, EMBEDDED) for feed in feeds}
        self._watermarks = watermarks
        self._deletions = DeletionRows(database)
        self._placements = PlacementRows(database)
        self._lock = threading.Lock()
        self._deletion = 0
        self._keys = dict.fromkeys(self.feeds, 0)
        #: Rises before a collection vanishes, which may be found elsewhere then.
        self.emptied = 0
        #: By collection the keys up to which it was read, by feed.
        self._arriving: dict[int, dict[str, int]] = {}

    def rebuild(self, progress: Progress | None) -> None:
        """Add every vector there is that the indexes do not hold already."""
        with self._lock:
            mark = self._watermarks.read()
            mine = self._placements.living_in(EMBEDDED)
            alone = not self._placements.living_elsewhere(EMBEDDED)
            for feed in self.feeds.values():
                resumes = self._resumes(feed, mark)
                if resumes:
                    self._forget_since(feed, mark)
                if alone and not resumes:  # what was deleted before this moment is not there to load
                    self._add_new(feed, 0, progress)
                else:
                    self._load(feed, mine, progress)
                feed.index.settle(mark.last_deletion)
            self._deletion, self._keys = mark.last_deletion, dict(mark.highest)

    def reload(self, feed: str, collection_key: int) -> None:
        """Read from SQL again what a collection has in no file: some of it was lost."""
        with self._lock:
            self._load(self.feeds[feed], [collection_key], None)

    def catch_up(self, mark: Watermark, collection_key: int | None = None) -> None:
        """Return when the indexes hold all of `mark`; of collections that are arriving only this one."""
        if not self._has(mark):
            with self._lock:
                if not self._has(mark):
                    self._advance(mark)
        while collection_key in self._arriving:
            with self._lock:
                self._arrive(collection_key)

    def agreement(self) -> list[Difference]:
        """Where the indexes and SQL differ, in words."""
        for _ in range(_QUIET_TRIES):
            self.catch_up(self._watermarks.read())
            for collection_key in list(self._arriving):
                self.catch_up(self._watermarks.read(), collection_key)
            with self._lock:
                before = self._watermarks.read()
                held = [(feed.name, feed.rows.keys(), feed.held()) for feed in self.feeds.values()]
                if self._has(before) and self._watermarks.read() == before and not self._arriving:
                    damage = [each for feed in self.feeds.values() for each in feed.damage()]
                    return damage + [difference for each in held for difference in differences(*each)]
        return [Difference(text=_RESTLESS)]

    def _has(self, mark: Watermark) -> bool:
        return self._deletion >= mark.last_deletion and all(
            self._keys[name] >= highest for name, highest in mark.highest.items()
        )

    # -- with the lock ---------------------------------------------------------------------------------------

    def _advance(self, mark: Watermark) -> None:
        for name, feed in self.feeds.items():
            if mark.highest[name] > self._keys[name]:
                self._keys[name] = max(self._add_new(feed, self._keys[name], None), mark.highest[name])
        try:
            for batch in deletion_batches(self._deletions, self._deletion, mark.last_deletion):
                self._forget(batch)
                self._settle(batch[-1].seq)
        except DeletionsPruned:
            self._compare()
        if mark.last_deletion > self._deletion:
            self._settle(mark.last_deletion)

    def _forget(self, batch: Sequence[Deletion]) -> None:
        emptied = {each.collection_key for each in batch if each.empties(EMBEDDED)}
        self.emptied += bool(emptied)
        for feed in self.feeds.values():
            feed.forget(batch)
        self._expect(emptied)

    def _compare(self) -> None:
        """As if every deletion up to now had been made."""
        mine = set(self._placements.living_in(EMBEDDED))
        self.emptied += 1
        lacking: set[int] = set()
        for feed in self.feeds.values():
            _drop_others(feed, mine)
            lacking |= {collection_key for collection_key in mine if feed.forget_strangers(collection_key)}
        self._expect(lacking)

    def _settle(self, deletion: int) -> None:
        for feed in self.feeds.values():
            feed.index.settle(deletion)
        self._deletion = deletion

    def _expect(self, emptied: set[int]) -> None:
        """Of these collections, those that live here are read again, from the beginning."""
        for collection_key in emptied:
            self._arriving.pop(collection_key, None)
        for collection_key in emptied.intersection(self._placements.living_in(EMBEDDED) if emptied else ()):
            self._arriving[collection_key] = dict.fromkeys(self.feeds, 0)

    def _arrive(self, collection_key: int) -> None:
        """Read one more batch: a longer turn would make every search of the process wait."""
        reached = self._arriving.get(collection_key, {})
        for name, after in reached.items():
            if stored := self.feeds[name].load(collection_key, after):
                self.feeds[name].add([stored])
                reached[name] = int(stored.keys[-1])
                return
        self._arriving.pop(collection_key, None)

    def _resumes(self, feed: FollowedFeed[VectorIndex], mark: Watermark) -> bool:
        """Whether the index goes on from its files. One that knows more than the database, which was restored then,
        starts over."""
        held = feed.index.resume()
        highest = max(mark.highest[feed.name], self._deletions.highest_key(feed.name))
        if held.deletion > mark.last_deletion or max(held.sealed.values(), default=0) > highest:
            for collection_key in held.sealed:
                feed.index.drop(collection_key)
            return False
        return bool(held.sealed)

    def _forget_since(self, feed: FollowedFeed[VectorIndex], mark: Watermark) -> None:
        """Make the deletions that came after the index's files were written."""
        try:
            for batch in deletion_batches(self._deletions, feed.index.resume().deletion, mark.last_deletion):
                feed.forget(batch)
        except DeletionsPruned:
            mine = set(self._placements.living_in(EMBEDDED))
            _drop_others(feed, mine)
            for collection_key in mine:
                feed.forget_strangers(collection_key)

    def _load(self, feed: FollowedFeed[VectorIndex], collections: Iterable[int], progress: Progress | None) -> None:
        """Add what SQL has of these collections above what the index holds in files."""
        sealed, done = feed.index.resume().sealed, 0
        for collection_key in collections:
            after = sealed.get(collection_key, 0)
            while stored := feed.load(collection_key, after):
                feed.add([stored])
                after, done = int(stored.keys[-1]), done + len(stored.keys)
                if progress:
                    progress(f"Loading {feed.name} into the index", done, None)

    def _add_new(self, feed: FollowedFeed[VectorIndex], after: int, progress: Progress | None) -> int:
        """Add what SQL has above a key; the last one's."""
        total = feed.rows.count_since(after) if progress else None
        done, more = 0, True
        while more:
            batch = feed.next(after)
            feed.add(batch)
            after, done, more = last(batch, after), done + count(batch), not is_last(batch)
            if progress and total:
                progress(f"Loading {feed.name} into the index", done, total)
        return after


def _drop_others(feed: FollowedFeed[VectorIndex], mine: set[int]) -> None:
    """Let the index forget the collections that do not live here."""
    held = {*feed.index.collections(), *feed.index.resume().sealed}
    for collection_key in held - mine:
        feed.index.drop(collection_key)
