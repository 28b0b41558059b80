"""That a clock behind the ledger was confirmed to be right: rows only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from regard.store.database import Database
from regard.store.tables.ledger import ledger_resumptions

_TABLE = ledger_resumptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """`clock` was what the clock said when the ledger's last entry was of `ledger_time`, which is later."""

    key: int
    ledger_time: datetime
    clock: datetime
    reason: str
    requested_by: str
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None


class ResumptionRows:
    """Add, confirm and find resumptions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, ledger_time: datetime, clock: datetime, reason: str, by: str, *, confirmed: bool) -> None:
        """Where nobody is known, one person's word is all there is."""
        values = {"ledger_time": ledger_time, "clock": clock, "reason": reason, "requested_by": by}
        if confirmed:
            values |= {"confirmed_by": by, "confirmed_at": clock}
        with self._database.write() as connection:
            connection.execute(insert(_TABLE).values(values))

    def waiting(self, ledger_time: datetime) -> Resumption | None:
        """The last that somebody asked for when the ledger was as it is now, and nobody has confirmed."""
        query = select(_TABLE).where(_TABLE.c.confirmed_at.is_(None), _TABLE.c.ledger_time == ledger_time)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(_TABLE.c.key.desc())).first()
        return None if row is None else Resumption(**row._mapping)

    def confirm(self, key: int, by: str, now: datetime) -> bool:
        change = update(_TABLE).where(_TABLE.c.key == key, _TABLE.c.confirmed_at.is_(None))
        with self._database.write() as connection:
            return connection.execute(change.values(confirmed_by=by, confirmed_at=now)).rowcount == 1


def confirmed_clock(connection: Connection, ledger_time: datetime) -> datetime | None:
    """The earliest that a clock was confirmed to be right at, for a ledger whose last entry is of that time."""
    query = select(func.min(_TABLE.c.clock)).where(
        _TABLE.c.confirmed_at.is_not(None), _TABLE.c.ledger_time == ledger_time
    )
    return connection.execute(query).scalar_one_or_none()
