"""Receipts of what was erased, and when each class was last swept: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, or_, select, update

from regard.domain.erasures import ErasureReceipt
from regard.store.database import Database
from regard.store.tables.retention import erasure_receipts, sweeps


class ReceiptRows:
    """Add and read receipts; whose turn it is to sweep."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: ErasureReceipt) -> None:
        values = {name: getattr(new, name) for name in ErasureReceipt.__slots__}
        with self._database.write() as connection:
            connection.execute(insert(erasure_receipts).values(values | {"facts": dict(new.facts)}))

    def get(self, receipt_id: str) -> ErasureReceipt | None:
        with self._database.read() as connection:
            query = select(erasure_receipts).where(erasure_receipts.c.id == receipt_id)
            row = connection.execute(query).one_or_none()
        return None if row is None else ErasureReceipt(**row._mapping)

    def last(self, count: int) -> list[ErasureReceipt]:
        """The latest first."""
        query = select(erasure_receipts).order_by(erasure_receipts.c.erased_at.desc(), erasure_receipts.c.id)
        with self._database.read() as connection:
            return [ErasureReceipt(**row._mapping) for row in connection.execute(query.limit(count))]

    def entries_erased(self) -> int:
        """Up to which entry the ledger's bodies were erased by sweeps."""
        query = select(erasure_receipts.c.facts).where(erasure_receipts.c.kind == "ledger")
        with self._database.read() as connection:
            newest = query.order_by(erasure_receipts.c.erased_at.desc(), erasure_receipts.c.id).limit(1)
            facts = connection.execute(newest).scalar_one_or_none()
        return 0 if not facts else 1 + max(last for _, last in facts.get("erased", [[0, -1]]))

    def change(self, receipt_id: str, before: str, after: str, by: str | None, now: datetime) -> bool:
        """Make a request of that kind one of another kind: of two that race, one does."""
        one = (erasure_receipts.c.id == receipt_id) & (erasure_receipts.c.kind == before)
        values = {"kind": after, "erased_by": by, "erased_at": now}
        with self._database.write() as connection:
            return connection.execute(update(erasure_receipts).where(one).values(values)).rowcount == 1

    # -- sweeps ------------------------------------------------------------------------------------------------

    def take_turn(self, kind: str, now: datetime, since: datetime) -> bool:
        """Whether this process may sweep that class now: none has since then. A clock that was set back counts as a
        long time ago."""
        mine = sweeps.c.kind == kind
        with self._database.write() as connection:
            if connection.execute(select(sweeps.c.kind).where(mine)).one_or_none() is None:
                connection.execute(insert(sweeps).values(kind=kind, swept_at=now, erased=0))
                return True
            free = or_(sweeps.c.swept_at <= since, sweeps.c.swept_at > now)
            return connection.execute(update(sweeps).where(mine, free).values(swept_at=now)).rowcount == 1

    def count(self, kind: str, erased: int) -> None:
        """So many more were erased of that class."""
        mine = sweeps.c.kind == kind
        with self._database.write() as connection:
            connection.execute(update(sweeps).where(mine).values(erased=sweeps.c.erased + erased))

    def swept(self) -> dict[str, tuple[datetime, int]]:
        """When each class was last swept, and how many were erased in all."""
        with self._database.read() as connection:
            return {row.kind: (row.swept_at, row.erased) for row in connection.execute(select(sweeps))}
