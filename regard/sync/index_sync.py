"""Index sync: keeps the indexes saying what SQL says, whichever process wrote it, and asks the right one."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from regard.domain.arrays import FloatArray
from regard.domain.galleries import EMBEDDED, Collection, Hits
from regard.domain.reporting import Difference, Progress
from regard.errors import InternalServerError, ResourceNotReady
from regard.index.vector_index import VectorIndex
from regard.store import deletion_rows
from regard.store.database import Database
from regard.store.deletion_rows import DeletionRows
from regard.store.placement_rows import PlacementRows
from regard.store.watermark_rows import Watermark, Watermarks
from regard.sync.embedded_sync import EmbeddedSync
from regard.sync.feed import Feed
from regard.sync.shared_sync import SharedSync

log = logging.getLogger(__name__)

#: How often a search starts over because what it was to find had gone elsewhere before it was done.
_SEARCH_TRIES = 20


class IndexSync:
    """Every collection lives in the embedded index, which each process has for itself, or in the one that all share.

    Call `follow` after every write; a search brings up to SQL what it needs.
    """

    def __init__(
        self, database: Database, feeds: Sequence[Feed[VectorIndex]], *, shared: SharedSync | None = None
    ) -> None:
        """`feeds`: every kind of vector with its embedded index; `shared` has the same ones with a shared index."""
        self._database = database
        # A `write` around this may yet be undone, and then its keys are given again, to others.
        committed = database.committed()
        tables = [feed.table for feed in feeds]
        self._watermarks = Watermarks(committed, tables, shared.name if shared else "")
        self._deletions = DeletionRows(committed)
        self._pruning = _Pruning(DeletionRows(database))
        self._placements = PlacementRows(committed)
        self._embedded = EmbeddedSync(committed, feeds, self._watermarks)
        self.shared = shared

    def rebuild(self, progress: Progress | None = None) -> None:
        """Fill the indexes with every vector there is that they do not hold already; a shared one if it answers."""
        self._embedded.rebuild(progress)
        if self.shared:
            try:
                self.shared.rebuild(progress)
            except InternalServerError as error:
                log.warning("%s Collections that live there cannot be searched until it answers.", error.message)

    def reload(self, feed: str, collection_key: int) -> None:
        """Read again what the embedded index of a feed has lost of a collection. Call it when the index says so."""
        self._embedded.reload(feed, collection_key)

    def catch_up(self, collection_key: int | None = None) -> Watermark:
        """Return when the index of this collection, or every one, holds all that SQL held when this was called.

        Raises ResourceNotReady where it cannot be searched now, InternalServerError where its index does not answer.
        """
        mark = self._watermarks.read(collection_key)
        if collection_key is None:
            self._embedded.catch_up(mark)
            if self.shared:
                self.shared.catch_up(mark)
        elif mark.lives_in in (None, EMBEDDED):
            self._embedded.catch_up(mark, collection_key)
        elif self.shared is None:
            raise ResourceNotReady(
                f"The collection lives in {mark.lives_in}, which this server's settings do not name: "
                "set `[index] milvus`."
            )
        elif mark.filling == mark.lives_in:
            raise ResourceNotReady(
                "The collection's index is being rebuilt. If that was interrupted, run "
                "`regard collections rebuild` again."
            )
        else:
            self.shared.catch_up(mark, collection_key)
        return mark

    def follow(self, collection: Collection) -> None:
        """After a write to the collection, when it is committed: bring its index up to date.

        A shared index that does not answer is brought up to date by the next search or write.
        """
        self._database.afterwards(lambda: self._follow(collection))

    def search(self, feed: str, collection_key: int, probes: FloatArray, *, limit: int, threshold: float) -> list[Hits]:
        """As `VectorIndex.search`, of all vectors of that feed that SQL has now. Raises as `catch_up`.

        A vector that is being replaced is found as the old one or the new.
        """
        for _ in range(_SEARCH_TRIES):
            emptied = self._embedded.emptied
            mark = self.catch_up(collection_key)
            if self.shared and mark.lives_in == self.shared.name:
                found = self.shared.search(feed, collection_key, probes, limit, threshold)
                table = self.shared.feeds[feed].table
                stayed = not self._deletions.disturbed(table, collection_key, mark.last_deletion)
            else:
                followed = self._embedded.feeds[feed]
                replacements = followed.replacements
                found = followed.index.search(collection_key, probes, limit=limit, threshold=threshold)
                stayed = (emptied, replacements) == (self._embedded.emptied, followed.replacements)
            if stayed:
                break
        return found

    def agreement(self, *, shared: bool = True) -> list[Difference]:
        """Where the indexes and SQL differ; empty when they hold exactly the same."""
        found = self._embedded.agreement()
        if not shared:
            return found
        if self.shared:
            return found + self.shared.agreement()
        return found + [
            Difference(collection_key=key, text="it lives in an index that the settings do not name")
            for key in self._placements.living_elsewhere(EMBEDDED)
        ]

    def _follow(self, collection: Collection) -> None:
        mark = self._watermarks.read(collection.key)
        lives_in = mark.lives_in or collection.index
        if lives_in == EMBEDDED:
            self._embedded.catch_up(mark)
        if self.shared and self.shared.name in (lives_in, mark.filling):
            try:
                self.shared.catch_up(mark, collection.key)
            except InternalServerError as error:
                log.warning("%s What was written is stored; %s has it later.", error.message, self.shared.name)
        self._pruning.after(mark)


class _Pruning:
    """Prunes deletions now and then, after a write."""

    def __init__(self, deletions: DeletionRows) -> None:
        self._deletions = deletions
        self._not_before = 0

    def after(self, mark: Watermark) -> None:
        if mark.last_deletion < self._not_before or not self._deletions.wants_pruning(mark.last_deletion, mark.pruned):
            return
        try:
            pruned = self._deletions.prune()
        except InternalServerError as error:
            log.warning("%s Deletions that every index has made are pruned later.", error.message)
            pruned = 0
        if not pruned:  # a shared index is behind, or the disk is full: as many more may come first
            self._not_before = mark.last_deletion + deletion_rows.PRUNED_DELETIONS
