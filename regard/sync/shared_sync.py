"""Following SQL in the indexes that all servers share. SQL keeps how far they are; one server at a time brings them
up to date."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import MILVUS, Hits
from regard.domain.reporting import Difference, Progress
from regard.errors import InternalServerError
from regard.index.vector_index import SharedIndex
from regard.store.checkpoint_rows import Checkpoint, CheckpointRows, Turn
from regard.store.database import Database
from regard.store.deletion_rows import Deletion, DeletionRows, DeletionsPruned
from regard.store.placement_rows import PlacementRows
from regard.store.vector_rows import Stored
from regard.store.watermark_rows import Watermark, Watermarks
from regard.sync import feed as feeds_of
from regard.sync.feed import Feed, FollowedFeed, count, differences, is_last, last
from regard.sync.restore_guard import RestoreGuard

#: Seconds in which an index that did not answer is not asked again: waiting for it keeps other requests from answers.
_RETRY_SECONDS = 2.0
#: How often `agreement` tries to find a moment without writes.
_QUIET_TRIES = 20
_RESTLESS = "the database is being written to without a pause; compare again when it is quiet"

SharedFeed = FollowedFeed[SharedIndex]


class SharedSync:
    """Any server that finds the indexes behind brings them up to date, one batch a turn.

    A turn is one server's alone: without it a slow one could add a face again that another has just removed. It reads
    how far they are, adds, removes, and says how far they are now; if it is killed before that, the next turn does the
    same work again.
    """

    def __init__(
        self,
        database: Database,
        feeds: Sequence[Feed[SharedIndex]],
        *,
        restore_guard: Path | None = None,
        name: str = MILVUS,
    ) -> None:
        """`restore_guard` is a file that remembers how far SQL was: with less than that it was restored since."""
        committed = database.committed()
        self.name = name
        self.feeds: dict[str, SharedFeed] = {each.table.feed: FollowedFeed(committed, each, name) for each in feeds}
        self._checkpoints = CheckpointRows(database, name)
        self._watermarks = Watermarks(committed, [each.table for each in feeds], name)
        self._deletions = DeletionRows(committed)
        self._placements = PlacementRows(committed)
        self._restore_guard = RestoreGuard(restore_guard)
        self._line = threading.Lock()
        #: What was added in a turn that failed: another may have removed it before it came.
        self._doubtful: list[tuple[SharedFeed, int, IntArray]] = []
        self._suspect = False
        self._silent_until, self._fault = 0.0, ""
        self._trying = threading.Lock()

    def watermark(self) -> Watermark:
        """What is to be caught up with."""
        return self._watermarks.read()

    def rebuild(self, progress: Progress | None = None) -> None:
        """Add what the indexes lack; all of it where the database was restored since. Raises InternalServerError."""
        mark = self._watermarks.read()
        highest = {name: max(key, self._deletions.highest_key(name)) for name, key in mark.highest.items()}
        if self._restore_guard.is_beyond(mark.last_deletion, highest):
            self.renew(progress)
        self._suspect = True  # even if nothing is new it may have been emptied
        self.catch_up(self._watermarks.read(), progress=progress)

    def renew(self, progress: Progress | None = None) -> None:
        """Throw away all that the indexes hold, and fill them from SQL again. Raises InternalServerError."""
        mark = self._watermarks.read()
        with self._asked(), self._turn() as turn:
            for feed in self.feeds.values():
                turn.reach(feed.name, self._start_over(feed, feed.index.identity, mark))
        self.catch_up(self._watermarks.read(), progress=progress)

    def catch_up(self, mark: Watermark, collection_key: int | None = None, progress: Progress | None = None) -> None:
        """Return when the indexes hold all of `mark`, and answer with it. Raises InternalServerError."""
        done = 0
        while self._suspect or self._doubtful or not _has(mark):
            with self._asked():
                self._drop_deleted(mark)
                added = self._advance()
            done += added
            if progress and added:
                progress(f"Loading into {self.name}", done, None)
            mark = replace(mark, checkpoints=self._watermarks.read(collection_key).checkpoints)
        for name, feed in self.feeds.items():
            if checkpoint := mark.checkpoints[name]:
                feed.index.see(checkpoint.moment)

    def search(self, feed: str, collection_key: int, probes: FloatArray, limit: int, threshold: float) -> list[Hits]:
        """As the index of that feed. Raises InternalServerError."""
        with self._asked():
            return self.feeds[feed].index.search(collection_key, probes, limit=limit, threshold=threshold)

    def fill(self, feed: str, collection_key: int, after: int) -> Stored | None:
        """Add the next batch of a collection's vectors above a key, in a turn; None after the last."""
        followed = self.feeds[feed]
        with self._asked(), self._turn() as turn:
            checkpoint = self._watermarks.read().checkpoints[feed]
            if checkpoint is None or checkpoint.identity != followed.index.identity:
                raise InternalServerError(f"The index {self.name} was emptied while it was being filled. Try again.")
            stored = followed.load(collection_key, after)
            if stored:
                self._add(turn, followed, [stored])
                turn.reach_in_move(collection_key, feed, int(stored.keys[-1]))
                turn.reach(feed, _now(followed, checkpoint))
        return stored

    def agreement(self) -> list[Difference]:
        """Where the indexes and SQL differ, in words, less the collections that are being filled."""
        for _ in range(_QUIET_TRIES):
            before = self._watermarks.read()
            self.catch_up(before)
            arriving = set(self._placements.arriving_in(self.name))
            with self._asked():
                held = [(feed.name, feed.rows.keys(), feed.held()) for feed in self.feeds.values()]
            if replace(self._watermarks.read(), checkpoints=before.checkpoints) == before:
                kept = [(name, _without(stored, arriving), _without(there, arriving)) for name, stored, there in held]
                damage = [each for feed in self.feeds.values() for each in feed.damage()]
                return damage + [difference for each in kept for difference in differences(*each)]
        return [Difference(text=_RESTLESS)]

    def health(self) -> str:
        """What the index says of itself. Raises InternalServerError."""
        with self._asked():
            return next(iter(self.feeds.values())).index.health()

    def close(self) -> None:
        for feed in self.feeds.values():
            feed.index.close()

    def _drop_deleted(self, mark: Watermark) -> None:
        """What takes long is done before the turn, where it can be: nothing is added to a deleted collection."""
        least = min(each.deletion if each else mark.last_deletion for each in mark.checkpoints.values())
        if least == mark.last_deletion:
            return
        emptied = self._deletions.emptied(least, feeds_of.BATCH, self.name)
        for collection_key in emptied - self._placements.existing(emptied):
            for feed in self.feeds.values():
                feed.index.drop(collection_key)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Around what asks the index: one that did not answer is left alone at first, then tried by one thread."""
        fault = self._fault
        if fault and (time.monotonic() < self._silent_until or not self._trying.acquire(blocking=False)):
            raise InternalServerError(fault)
        try:
            yield
            self._fault = ""
        except InternalServerError as error:
            self._suspect = True
            self._silent_until, self._fault = time.monotonic() + _RETRY_SECONDS, error.message
            raise
        finally:
            if fault:
                self._trying.release()

    # -- in a turn -------------------------------------------------------------------------------------------

    @contextmanager
    def _turn(self) -> Iterator[Turn]:
        with self._line:
            with self._checkpoints.turn() as turn:
                for feed, collection_key, keys in self._doubtful:
                    there, _ = feed.rows.among(collection_key, keys)
                    feed.index.remove(collection_key, np.setdiff1d(keys, there))
                yield turn
            self._doubtful.clear()

    def _advance(self) -> int:
        """One batch of each feed; with the last one, one of deletions. How many were added."""
        with self._turn() as turn:
            mark = self._watermarks.read()
            before = {name: self._checkpoint(feed, mark) for name, feed in self.feeds.items()}
            batches = {name: self._next(name, before[name], mark) for name in self.feeds}
            whole = all(is_last(batch) for batch in batches.values())
            deletions, deletion = self._next_deletions(before, mark) if whole else ([], 0)
            for name, feed in self.feeds.items():
                self._add(turn, feed, batches[name])
                reached = replace(before[name], key=last(batches[name], before[name].key))
                if whole:
                    self._forget(turn, feed, [each for each in deletions if each.seq > reached.deletion])
                    reached = replace(
                        reached,
                        key=max(reached.key, mark.highest[name]),
                        deletion=max(reached.deletion, deletion),
                    )
                reached = _now(feed, reached)
                if reached != mark.checkpoints[name]:
                    turn.reach(name, reached)
        self._suspect = False
        self._restore_guard.note(mark.last_deletion, mark.highest)
        return sum(count(batch) for batch in batches.values())

    def _next(self, name: str, checkpoint: Checkpoint, mark: Watermark) -> list[Stored]:
        return self.feeds[name].next(checkpoint.key) if checkpoint.key < mark.highest[name] else []

    def _next_deletions(self, before: Mapping[str, Checkpoint], mark: Watermark) -> tuple[list[Deletion], int]:
        """The next batch of deletions, and up to which number all have been read with it."""
        least = min(checkpoint.deletion for checkpoint in before.values())
        if least >= mark.last_deletion:
            return [], mark.last_deletion
        try:
            batch = self._deletions.batch(least, mark.last_deletion, feeds_of.BATCH)
        except DeletionsPruned as error:  # within this turn, and before the first checkpoint kept them
            raise InternalServerError(f"Deletions that {self.name} still needs were pruned. Try again.") from error
        return batch, batch[-1].seq if len(batch) == feeds_of.BATCH else mark.last_deletion

    def _checkpoint(self, feed: SharedFeed, mark: Watermark) -> Checkpoint:
        """How far the index is, from the beginning if it is another one, or needs what was pruned."""
        known, identity = mark.checkpoints[feed.name], feed.index.identity
        if known and known.identity == identity and known.deletion >= mark.pruned:
            return known
        return self._start_over(feed, identity, mark)

    def _start_over(self, feed: SharedFeed, identity: str, mark: Watermark) -> Checkpoint:
        """The beginning, of an index that may hold whatever it likes."""
        for collection_key in feed.index.collections():
            feed.index.drop(collection_key)
        anything = self._placements.held_by(self.name)
        key = 0 if anything else mark.highest[feed.name]
        return Checkpoint(identity=identity, deletion=mark.last_deletion, key=key)

    def _add(self, turn: Turn, feed: SharedFeed, batch: Sequence[Stored]) -> None:
        for stored in batch:
            turn.confirm()
            self._doubtful.append((feed, stored.collection_key, stored.keys))
            feed.add([stored])

    def _forget(self, turn: Turn, feed: SharedFeed, deletions: Sequence[Deletion]) -> None:
        """Make these deletions, but not those of collections that live elsewhere."""
        if not deletions:
            return
        turn.confirm()
        strangers = set(self._placements.not_held_by(self.name))
        feed.forget([each for each in deletions if each.collection_key not in strangers or each.empties(self.name)])


def _now(feed: SharedFeed, checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint at this moment, which is no earlier than the one that another server has told."""
    return replace(checkpoint, moment=max(checkpoint.moment, feed.index.moment))


def _has(mark: Watermark) -> bool:
    return all(
        checkpoint is not None and checkpoint.deletion >= mark.last_deletion and checkpoint.key >= mark.own[name]
        for name, checkpoint in mark.checkpoints.items()
    )


def _without(keys: dict[int, IntArray], others: Collection[int]) -> dict[int, IntArray]:
    return {collection_key: each for collection_key, each in keys.items() if collection_key not in others}
