"""Integrity: whether what the database has of collections is valid, and whether the indexes agree with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.domain.reporting import Difference, Progress
from regard.engine.galleries.user_vectors import vector
from regard.store.collection_rows import CollectionRows
from regard.store.damage_rows import Damage, DamageRows
from regard.store.move_rows import MoveRows
from regard.store.transfer_rows import TransferRows
from regard.sync.index_sync import IndexSync

#: How far from 1 the length of a unit vector may be once it has been rounded to float16.
_ROUNDING = 2e-3
#: Users whose vectors are made in one transaction.
_USERS = 1000
#: Collections read at once.
_PAGE = 1000
#: Most faults shown for one collection.
SHOWN = 10


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

    def __init__(self, *, collections: CollectionRows, rows: TransferRows, moves: MoveRows, damage: DamageRows) -> None:
        self._collections = collections
        self._rows = rows
        self._moves = moves
        self._damage = damage

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

    def damage(self, grant: Grant, collection: Collection, progress: Progress) -> list[Damage]:
        """What is damaged of a collection in SQL; all else is searched as if that were not there."""
        grant.require(grant.act.action, collection.id)
        total = self._collections.face_count(collection.key)
        found = self._damage.of_collection(collection)
        after, done = -1, 0
        while True:
            damaged, after, count = self._damage.of_faces(collection, after)
            if count == 0:
                return found
            found += damaged
            done += count
            progress(f"Reading {collection.id}", done, total)

    def repair(self, grant: Grant, collection: Collection, damage: Sequence[Damage]) -> None:
        """Remove what is damaged: those faces, and those vectors of users, which are made of their faces again."""
        grant.require(Action.ADMINISTER, collection.id)
        self._damage.remove(collection, damage)
        while self._rows.fill_vectors(collection, _USERS, vector):
            pass

    def faults(self, grant: Grant, collection: Collection, progress: Progress) -> list[str]:
        """Descriptions of the faults of a collection in SQL; empty if there are none."""
        grant.require(Action.READ, collection.id)
        found = self.damage(grant, collection, progress)
        said = [str(each) for each in found[:SHOWN]]
        if len(found) > SHOWN:
            said.append(f"... and {len(found) - SHOWN:,} more")
        if found:
            said.append(f"`regard collections repair {collection.id}` removes what is damaged")
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
