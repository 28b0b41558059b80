"""What erases: faces and collections, with whatever hangs on them; and a receipt for each erasure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import uuid4

from regard.accountability.case_progress import CaseProgress
from regard.accountability.gate import Grant
from regard.domain.erasures import ErasureReceipt
from regard.domain.galleries import Collection
from regard.store.case_rows import CaseRows
from regard.store.database import Database
from regard.store.receipt_rows import ReceiptRows

#: Faces erased in one transaction, which other writers wait for.
BATCH_FACES = 200


class Erasing(Protocol):
    """Erases from SQL, and from the index that follows it."""

    def collection_of(self, collection_id: str, /) -> Collection | None: ...

    def faces(self, collection: Collection, face_ids: Sequence[str], /) -> list[str]:
        """Erase those that the collection has; which they were."""

    def collection(self, collection: Collection, /) -> int:
        """Erase it with all that is in it; how many faces it held."""


class Receipts:
    """Erases, and writes the receipt and the ledger's entry in the same transaction."""

    def __init__(self, database: Database, erasing: Erasing, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._rows, self._progress = ReceiptRows(database), CaseProgress(CaseRows(database))
        self.erasing = erasing
        self._clock = clock

    def faces(self, grant: Grant, kind: str, reason: str, collection: Collection, face_ids: Sequence[str]) -> list[str]:
        """Erase these faces, some at a time; which they were."""
        erased: list[str] = []
        for start in range(0, len(face_ids), BATCH_FACES):
            grant.require(grant.act.action, collection.id)
            with self._database.write():
                gone = self.erasing.faces(collection, face_ids[start : start + BATCH_FACES])
                if gone:
                    self._progress.settle_erased(self._clock())
                    self.add(grant, kind, reason, {"collection": collection.id, "faces": gone}, len(gone))
            erased += gone
        return erased

    def collection(self, grant: Grant, kind: str, reason: str, collection: Collection) -> int:
        """Erase a whole collection; how many faces it held."""
        grant.require(grant.act.action, collection.id)
        with self._database.write():
            count = self.erasing.collection(collection)
            self._progress.settle_erased(self._clock())
            self.add(grant, kind, reason, {"collection": collection.id, "faces_in_it": count}, count)
        return count

    def add(self, grant: Grant, kind: str, reason: str, facts: Mapping[str, Any], count: int) -> ErasureReceipt:
        """The receipt of what the current transaction erases."""
        made = ErasureReceipt(
            id=str(uuid4()),
            kind=kind,
            reason=reason,
            facts={**facts, "count": count},
            erased_by=grant.person_id,
            erased_at=self._clock(),
        )
        self._rows.add(made)
        self._rows.count(kind, count)
        grant.note(receipt=made.id, gone=kind, **{name: value for name, value in facts.items() if value is not None})
        return made
