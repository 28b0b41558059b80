"""Integrity: whether faces to import, or in the database, are valid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regard.accountability.gate import Grant
from regard.domain.arrays import HalfArray
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.domain.identifiers import EXTERNAL_IMAGE_ID, USER_ID, UUID_PATTERN
from regard.domain.reporting import Difference, Progress
from regard.errors import InvalidParameter
from regard.media.parquet import Columns
from regard.store.collection_rows import CollectionRows
from regard.store.move_rows import MoveRows
from regard.store.transfer_rows import TransferRows
from regard.sync.index_sync import IndexSync

#: The pattern of each id, and whether it may be missing.
_IDS = {
    "face_id": (UUID_PATTERN, False),
    "image_id": (UUID_PATTERN, False),
    "external_image_id": (EXTERNAL_IMAGE_ID.pattern, True),
    "user_id": (USER_ID.pattern, True),
}
#: A box may extend beyond its picture, but only within reason.
_NUMBERS = {**dict.fromkeys(("left", "top", "width", "height"), (-10, 10)), "confidence": (0, 100)}
#: How far from 1 the length of a unit vector may be once it has been rounded to float16.
_ROUNDING = 2e-3
#: The exponent bits of infinities and NaN in float16: faster to test than with numpy's functions.
_SPECIAL = 0x7C00
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


def check_finite(embeddings: HalfArray, file: Path, row: int) -> None:
    """Raises InvalidParameter for an embedding that is not finite; `row` is how many rows of the file come before."""
    special = (np.ascontiguousarray(embeddings).view(np.uint16) & _SPECIAL) == _SPECIAL
    if special.any():
        raise InvalidParameter(f"{file}, row {row + int(np.argmax(special.any(axis=1))) + 1}: embedding is not finite.")


def check_columns(columns: Columns, file: Path, row: int) -> None:
    """Raises InvalidParameter for an id that Rekognition's model does not allow, or an invalid box or confidence.

    Columns that are not there are not checked.
    """
    for name, (allowed, optional) in _IDS.items():
        for place, value in enumerate(columns.get(name, ()), row + 1):
            if value is None and not optional:
                raise InvalidParameter(f"{file}, row {place}: {name} is missing.")
            if value is not None and not allowed.fullmatch(value):
                raise InvalidParameter(f"{file}, row {place}: {name} is {value[:300]!r}; allowed is {allowed.pattern}.")
    for name, (least, most) in _NUMBERS.items():
        right = (columns[name] >= least) & (columns[name] <= most) if name in columns else np.ones(1, bool)
        if not right.all():
            place = row + int(np.argmin(right)) + 1
            raise InvalidParameter(f"{file}, row {place}: {name} is not a number from {least} to {most}.")


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
