"""Feeds: a table of vectors, the index that follows it, and the steps in which it does. All feeds are alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Generic, TypeVar

import numpy as np

from regard.domain.arrays import IntArray
from regard.domain.reporting import Difference
from regard.index.vector_index import VectorIndex
from regard.store.database import Database
from regard.store.deletion_rows import Deletion, DeletionRows
from regard.store.feed_tables import FeedTable
from regard.store.vector_rows import Stored, VectorRows

#: Vectors read and added at once: 8 MiB of float16 at D=512. As many deletions are read at once.
BATCH = 8192
Index = TypeVar("Index", bound=VectorIndex)
Index_co = TypeVar("Index_co", bound=VectorIndex, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed(Generic[Index_co]):
    """One kind of vector: the table that keeps them, and the index in which they are searched."""

    table: FeedTable
    index: Index_co


class FollowedFeed(Generic[Index]):
    """A feed, as far as its vectors are those of the collections that the index of this name holds."""

    def __init__(self, database: Database, feed: Feed[Index], index_name: str) -> None:
        self.table = feed.table
        self.index = feed.index
        self.rows = VectorRows(database, feed.table, index_name)
        #: Rises before vectors vanish in whose place others were added.
        self.replacements = 0
        self._index_name = index_name

    @property
    def name(self) -> str:
        return self.table.feed

    def next(self, after: int) -> list[Stored]:
        """The next batch of what is to be added above a key."""
        return self.rows.since(after, BATCH)

    def load(self, collection_key: int, after: int) -> Stored | None:
        """The next batch that SQL has of one collection above a key; None after the last."""
        return self.rows.of(collection_key, after, BATCH)

    def add(self, batch: Iterable[Stored]) -> None:
        for stored in batch:
            self.index.add(stored.collection_key, stored.keys, stored.embeddings)

    def forget(self, deletions: Iterable[Deletion]) -> None:
        """Make these deletions, as far as they are of this feed and of this index."""
        by_collection = attrgetter("collection_key")
        for collection_key, group in groupby(sorted(deletions, key=by_collection), key=by_collection):
            mine = list(group)
            if any(each.empties(self._index_name) for each in mine):
                self.index.drop(collection_key)
            elif keys := [each.key for each in mine if each.feed == self.name]:
                self.remove(collection_key, np.array(keys, np.int64))

    def remove(self, collection_key: int, keys: IntArray) -> None:
        self.replacements += self.table.replaces
        self.index.remove(collection_key, keys)

    def forget_strangers(self, collection_key: int) -> bool:
        """Remove what the index holds of a collection and SQL does not have; whether SQL has what the index lacks."""
        held = self.index.keys(collection_key)
        stored = self.rows.keys_of(collection_key)
        if len(strangers := np.setdiff1d(held, stored, assume_unique=True)):
            self.remove(collection_key, strangers)
        return len(held) - len(strangers) < len(stored)

    def damage(self) -> Iterator[Difference]:
        """What SQL has and no index holds, for it is damaged."""
        for collection_key, count in self.rows.damaged().items():
            text = f"{count:,} of the {self.name} are damaged in SQL; `regard collections repair` removes them"
            yield Difference(collection_key=collection_key, text=text)

    def held(self) -> dict[int, IntArray]:
        """Every key in the index, ascending, by collection."""
        return {key: self.index.keys(key) for key in self.index.collections()}


def deletion_batches(rows: DeletionRows, after: int, up_to: int) -> Iterator[list[Deletion]]:
    """Deletions above one number and not above another, a batch at a time. Raises DeletionsPruned."""
    while after < up_to:
        batch = rows.batch(after, up_to, BATCH)
        if batch:
            yield batch
        after = batch[-1].seq if len(batch) == BATCH else up_to


def count(batch: Sequence[Stored]) -> int:
    return sum(len(stored.keys) for stored in batch)


def is_last(batch: Sequence[Stored]) -> bool:
    """Whether there was no more to be had."""
    return count(batch) < BATCH


def last(batch: Sequence[Stored], otherwise: int) -> int:
    """The highest key in a batch."""
    return max((int(stored.keys[-1]) for stored in batch), default=otherwise)


def differences(feed: str, stored: Mapping[int, IntArray], held: Mapping[int, IntArray]) -> Iterator[Difference]:
    """Where an index and SQL differ; both are keys by collection."""
    nothing = np.empty(0, np.int64)
    for collection_key in sorted(stored.keys() | held.keys()):
        in_sql, in_index = stored.get(collection_key, nothing), held.get(collection_key, nothing)
        for keys, where in (
            (np.setdiff1d(in_sql, in_index), "in SQL but not in the index"),
            (np.setdiff1d(in_index, in_sql), "in the index but not in SQL"),
        ):
            if len(keys):
                shown = ", ".join(map(str, keys[:10])) + (", ..." if len(keys) > 10 else "")
                text = f"{len(keys)} {feed} are {where}, of keys {shown}"
                yield Difference(collection_key=collection_key, text=text)
