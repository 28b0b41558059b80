"""Integrity: whether what the database has of collections is valid, and whether the indexes agree with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.domain.reporting import Difference, Progress
from regard.store.collection_rows import CollectionRows
from regard.store.move_rows import MoveRows
from regard.store.transfer_rows import TransferRows
from regard.sync.index_sync import IndexSync

#: How far from 1 the length of a unit vector may be once it has been rounded to float16.
_ROUNDING = 2e-3
_PIECE = 8192
#: Collections read at once.
_PAGE = 1000
#: Most faults shown for one collection.
_SHOWN = 10


def lengths(embeddings: NDArray[Any]) -> NDArray[np.float32]:
    """The lengths of N×D vectors; the length of a vector that is not finite is not finite."""
    rows = embeddings.astype(np.float32, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(np.einsum("nd,nd->n", rows, rows)), np.float32)


def unsound(embeddings: NDArray[Any]) -> list[int]:
    """The rows of N×D embeddings that are not unit vectors."""
    return np.flatnonzero(~(np.abs(lengths(embeddings) - 1) <= _ROUNDING)).tolist()


class IndexCheck:
    """Compares the indexes with the database."""

    def __init__(self, index_sync: IndexSync) -> None:
        self._index_sync = index_sync

    def agreement(self, grant: Grant, *, shared: bool = True) -> list[Difference]:
        """The differences between the indexes and SQL; empty if they hold exactly the same."""
        grant.require_all(Action.READ)
        return self._index_sync.agreement(shared=shared)

    def shared_health(self, grant: Grant) -> str | None:
        """What the shared index reports about itself, if there is one. Raises InternalServerError."""
        grant.require(Action.READ)
        shared = self._index_sync.shared
        return shared.health() if shared else None


class Integrity:
    """Checks what SQL holds of whole collections."""

    def __init__(self, *, collections: CollectionRows, rows: TransferRows, moves: MoveRows) -> None:
        self._collections = collections
        self._rows = rows
        self._moves = moves

    def collections(self, grant: Grant, collection_id: str | None) -> list[Collection]:
        """The collection with that name, or all collections. Raises ResourceNotFound."""
        if collection_id is not None:
            grant.require(grant.act.action, collection_id)
            return [self._collections.get(collection_id)]
        grant.require_all(grant.act.action)
        found: list[Collection] = []
        while page := self._collections.page(found[-1].key if found else 0, _PAGE):
            found += page
        return found

    def faults(self, grant: Grant, collection: Collection, progress: Progress) -> list[str]:
        """Descriptions of the faults in a collection's embeddings in SQL; empty if there are none."""
        grant.require(Action.READ, collection.id)
        total = self._collections.face_count(collection.key)
        found: list[str] = []
        size, after, done = 0, -1, 0
        while stored := self._rows.embeddings(collection, after, _PIECE):
            after, done = stored[-1][0], done + len(stored)
            size = size or len(stored[0][2])
            found += list(_wrong(stored, size))
            progress(f"Reading {collection.id}", done, total)
        said = found[:_SHOWN] + ([f"... and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else [])
        if wanting := self._rows.users_wanting_vectors(collection):
            said.append(f"{wanting:,} users have faces and no vector: an import was not finished; run it again")
        return said

    def miscounts(self, grant: Grant, collection: Collection) -> list[str]:
        """Where the recorded size of a collection differs from a count, in words."""
        grant.require(Action.READ, collection.id)
        return [
            f"its recorded size is {wrong.kept:,} {wrong.feed}, but it has {wrong.there:,}; "
            f"`regard collections rebuild {collection.id}` corrects this"
            for wrong in self._collections.miscounts(collection.key)
        ]

    def unfinished(self, grant: Grant, collection: Collection) -> str | None:
        """The index that an interrupted move or rebuild was filling, if any."""
        grant.require(Action.READ, collection.id)
        return self._moves.unfinished().get(collection.id)

    def recount(self, grant: Grant, collection: Collection) -> None:
        """Count what the collection holds, and correct its recorded size."""
        grant.require(Action.ADMINISTER, collection.id)
        self._collections.recount(collection.key)

    def size(self, grant: Grant, collection: Collection) -> int:
        """How many faces the collection holds, for those who are about to delete or rebuild it."""
        grant.require(grant.act.action, collection.id)
        return self._collections.face_count(collection.key)


def _wrong(stored: Sequence[tuple[int, str, bytes]], size: int) -> Iterator[str]:
    whole = [each for each in stored if len(each[2]) == size and size % 2 == 0]
    for _, face_id, embedding in stored:
        if len(embedding) != size or size % 2:
            yield f"face {face_id}: the embedding has {len(embedding)} bytes, the first one {size}"
    if whole:
        vectors = np.frombuffer(b"".join(each[2] for each in whole), "<f2").reshape(len(whole), -1)
        for row in unsound(vectors):
            yield f"face {whole[row][1]}: the embedding is not a unit vector"
