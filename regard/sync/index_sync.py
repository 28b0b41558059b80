"""The follower: keeps the indexes saying what SQL says, whichever process wrote it, and asks the right one."""

from __future__ import annotations

import logging

from regard.domain.arrays import FloatArray
from regard.domain.galleries import EMBEDDED, Collection, Hits
from regard.domain.reporting import Progress
from regard.errors import InternalServerError, ResourceNotReady
from regard.index.vector_index import VectorIndex
from regard.store.database import Database
from regard.store.tables.collections import collections
from regard.store.watermark_rows import Watermark, Watermarks
from regard.sync.embedded_sync import EmbeddedSync
from regard.sync.shared_sync import SharedSync

log = logging.getLogger(__name__)

#: How often a search begins again because what it was to find went elsewhere meanwhile.
_TRIES = 20


class IndexSync:
    """Every collection lives in the embedded index, which each process has for itself, or in the one that all share.

    Call `follow` after every write; a search brings up to SQL what it needs.
    """

    def __init__(
        self,
        database: Database,
        *,
        faces_index: VectorIndex,
        users_index: VectorIndex,
        shared: SharedSync | None = None,
    ) -> None:
        self._database = database
        # A `write` around this may yet be undone, and then its keys are given again, to others.
        committed = database.committed()
        self._heads = Watermarks(committed, shared.name if shared else "")
        self._embedded = EmbeddedSync(committed, self._heads, faces_index=faces_index, users_index=users_index)
        self.shared = shared

    def rebuild(self, progress: Progress | None = None) -> None:
        """Fill the indexes with every vector there is that they do not hold already; a shared one if it answers."""
        self._embedded.rebuild(progress)
        if self.shared:
            try:
                self.shared.rebuild(progress)
            except InternalServerError as error:
                log.warning("%s Collections that live there cannot be searched until it answers.", error.message)

    def reload_faces(self, collection_key: int) -> None:
        """Read again what the embedded index has lost of a collection. Call it when that tells."""
        self._embedded.reload(0, collection_key)

    def reload_users(self, collection_key: int) -> None:
        """As `reload_faces`."""
        self._embedded.reload(1, collection_key)

    def catch_up(self, collection_key: int | None = None) -> Watermark:
        """Return when the index of this collection, or every one, holds all that SQL held when this was called.

        Raises ResourceNotReady where it cannot be searched now, InternalServerError where its index does not answer.
        """
        head = self._heads.read(collection_key)
        if collection_key is None:
            self._embedded.catch_up(head)
            if self.shared:
                self.shared.catch_up(head)
        elif head.lives_in in (None, EMBEDDED):
            self._embedded.catch_up(head, collection_key)
        elif self.shared is None:
            raise ResourceNotReady(
                f"The collection lives in {head.lives_in}, which this server's settings do not name: set `milvus`."
            )
        elif head.filling == head.lives_in:
            raise ResourceNotReady(
                "The collection's index is being rebuilt; if nobody does, `regard collections rebuild` goes on."
            )
        else:
            self.shared.catch_up(head, collection_key)
        return head

    def follow(self, collection: Collection) -> None:
        """After a write to the collection, when it is committed: bring its index on.

        A shared index that does not answer is brought on by who searches or writes next.
        """
        self._database.afterwards(lambda: self._follow(collection))

    def search_faces(self, collection_key: int, probes: FloatArray, *, limit: int, threshold: float) -> list[Hits]:
        """As `VectorIndex.search`, of all that SQL has now. Raises as `catch_up`."""
        return self._search(0, collection_key, probes, limit, threshold)

    def search_users(self, collection_key: int, probes: FloatArray, *, limit: int, threshold: float) -> list[Hits]:
        """As `search_faces`; a user whose vector is replaced meanwhile is found by the old one or the new."""
        return self._search(1, collection_key, probes, limit, threshold)

    def agreement(self, *, shared: bool = True) -> list[str]:
        """Where the indexes and SQL differ, in words; empty when they hold exactly the same."""
        found = self._embedded.agreement()
        if not shared:
            return found
        if self.shared:
            return found + self.shared.agreement()
        return found + [
            f"collection {key}: it lives in an index that the settings do not name"
            for key in self._heads.collections(collections.c.index_name != EMBEDDED)
        ]

    def _follow(self, collection: Collection) -> None:
        head = self._heads.read(collection.key)
        lives_in = head.lives_in or collection.index
        if lives_in == EMBEDDED:
            self._embedded.catch_up(head)
        if self.shared and self.shared.name in (lives_in, head.filling):
            try:
                self.shared.catch_up(head, collection.key)
            except InternalServerError as error:
                log.warning("%s What was written is stored; %s has it later.", error.message, self.shared.name)

    def _search(self, track: int, collection_key: int, probes: FloatArray, limit: int, threshold: float) -> list[Hits]:
        for _ in range(_TRIES):
            emptied = self._embedded.emptied
            head = self.catch_up(collection_key)
            if self.shared and head.lives_in == self.shared.name:
                found = self.shared.search(track, collection_key, probes, limit, threshold)
                stayed = not self._heads.disturbed(collection_key, head.journal, users=bool(track))
            else:
                index, replaced = self._embedded.tracks[track].index, self._embedded.replaced(track)
                found = index.search(collection_key, probes, limit=limit, threshold=threshold)
                stayed = (emptied, replaced) == (self._embedded.emptied, self._embedded.replaced(track))
            if stayed:
                break
        return found
