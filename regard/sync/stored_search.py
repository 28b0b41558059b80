"""Searching what SQL has, without an index: for a process that searches now and then and is not to hold all vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.galleries import Collection, Hits
from regard.index.exact_search import Best
from regard.store.database import Database
from regard.store.feed_tables import FeedTable
from regard.store.vector_rows import VectorRows

#: Vectors held at once: 33 MB of 1024 dimensions.
_BLOCK: Final = 8192


class StoredSearch:
    """Compares probes with every vector of a collection, as it is in SQL at that moment."""

    def __init__(self, database: Database, feeds: Sequence[FeedTable]) -> None:
        self._rows = {feed.feed: VectorRows(database, feed) for feed in feeds}

    def follow(self, _: Collection, /) -> None:
        """There is nothing to follow."""

    def search(
        self, feed: str, collection_key: int, probes: FloatArray, /, *, limit: int, threshold: float
    ) -> list[Hits]:
        """As `VectorIndex.search`."""
        found, after = [Best(probe, limit, threshold) for probe in probes], 0
        while block := self._rows[feed].of(collection_key, after, _BLOCK):
            for best, scores in zip(found, probes @ block.embeddings.T, strict=True):
                best.offer(block.embeddings, block.keys, np.asarray(scores, np.float32))
            after = int(block.keys[-1])
        return [best.hits for best in found]
