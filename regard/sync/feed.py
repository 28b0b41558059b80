"""Tracks: a table of vectors, the index that follows it, and the steps in which it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, TypeVar

import numpy as np

from regard.domain.arrays import IntArray
from regard.index.vector_index import VectorIndex
from regard.store.vector_rows import Stored, VectorRows
from regard.store.watermark_rows import Entry

#: Vectors read and added at once: 8 MiB of float16 at D=512.
BATCH = 8192
Index = TypeVar("Index", bound=VectorIndex)


@dataclass(slots=True)
class Feed(Generic[Index]):
    """One table and the index that follows it.

    `gone` is the journal's column for its keys; `turns` how often some were removed.
    """

    noun: str
    gone: str
    rows: VectorRows
    index: Index
    turns: int = 0

    def next(self, after: int) -> list[Stored]:
        """The next batch of what is to be added above a key."""
        return self.rows.since(after, BATCH)

    def load(self, owner: int, after: int) -> Stored | None:
        """The next batch that SQL has of one collection above a key; None where there is none."""
        return self.rows.of(owner, after, BATCH)

    def add(self, batch: Sequence[Stored]) -> None:
        for stored in batch:
            self.index.add(stored.collection_key, stored.keys, stored.embeddings)

    def remove_gone(self, entries: Sequence[Entry], index_name: str) -> None:
        """Make these deletions, as far as they are of this table and of the index of that name."""
        for collection_key, group in groupby(sorted(entries, key=owner), key=owner):
            mine = list(group)
            if any(empties(entry, index_name) for entry in mine):
                self.index.drop(collection_key)
            elif keys := [key for entry in mine if (key := getattr(entry, self.gone)) is not None]:
                self.turns += 1
                self.index.remove(collection_key, np.array(keys, np.int64))

    def held(self) -> dict[int, IntArray]:
        return {key: self.index.keys(key) for key in self.index.collections()}


def owner(entry: Entry) -> int:
    key: int = entry.collection_key
    return key


def empties(entry: Entry, index_name: str) -> bool:
    """Whether this says that an index is to forget the whole collection, and perhaps begin anew with it."""
    return entry.face_key is None and entry.user_vector_key is None and entry.index_name in (None, index_name)


def count(batch: Sequence[Stored]) -> int:
    return sum(len(stored.keys) for stored in batch)


def is_last(batch: Sequence[Stored]) -> bool:
    """Whether there was no more to be had."""
    return count(batch) < BATCH


def last(batch: Sequence[Stored], otherwise: int) -> int:
    return max((int(stored.keys[-1]) for stored in batch), default=otherwise)


def differences(noun: str, stored: Mapping[int, IntArray], held: Mapping[int, IntArray]) -> Iterator[str]:
    """Where an index and SQL differ, in words; both are keys by collection."""
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
