"""The ledger's rows: entries in the order they were written, tiles of hashes, checkpoints. `accountability/ledger`
knows what they mean. An entry is added in the transaction of what it tells of, hence by functions on a connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from regard.domain.instants import EPOCH
from regard.store.database import Database
from regard.store.tables.ledger import ledger_checkpoints, ledger_entries, ledger_tiles

_AT = ledger_entries.c.position
_HEAD = select(_AT, ledger_entries.c.recorded_at).order_by(_AT.desc()).limit(1)
_ADD = insert(ledger_entries)
_TILE = select(ledger_tiles.c.hashes).where(
    ledger_tiles.c.level == bindparam("level"), ledger_tiles.c.number == bindparam("number")
)
_LAST_CHECKPOINT = select(ledger_checkpoints).order_by(ledger_checkpoints.c.size.desc()).limit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How many entries there are, and when the last one was recorded (1970 if there is none)."""

    size: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """An entry to add. `leaf` is 32 bytes; `request_id` finds the entry again."""

    leaf: bytes
    recorded_at: datetime
    salt: bytes
    body: bytes
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An entry; salt and body are None where they were erased."""

    position: int
    leaf: bytes
    salt: bytes | None
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """A signed note. One that was given out is kept for good; others give way to later ones. `edge` is as
    `MerkleTree.edge` of it, one hash after another; None where an earlier Regard made it."""

    size: int
    note: str
    given_out: bool
    edge: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FullTile:
    """256 hashes, and the hash above them."""

    level: int
    number: int
    hashes: bytes
    root: bytes


def head(connection: Connection) -> Head:
    """Inside a `write` nobody else can add entries until it ends."""
    row = connection.execute(_HEAD).one_or_none()
    return Head(size=0, recorded_at=EPOCH) if row is None else Head(size=row[0] + 1, recorded_at=row[1])


def add_entries(connection: Connection, first: int, new: Sequence[NewEntry]) -> None:
    """Add entries from position `first` on, which is the size in `head`."""
    rows = [
        {
            "position": position,
            "leaf": each.leaf,
            "recorded_at": each.recorded_at,
            "salt": each.salt,
            "body": each.body,
            "request_id": each.request_id or None,
        }
        for position, each in enumerate(new, first)
    ]
    connection.execute(_ADD, rows)


class Readable(Protocol):
    """A database, or one moment of it."""

    def read(self) -> AbstractContextManager[Connection]: ...


class _Moment:
    """What a database held when a transaction began."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self) -> AbstractContextManager[Connection]:
        return nullcontext(self._connection)


class LedgerReader:
    """Reads entries and tiles."""

    def __init__(self, database: Readable) -> None:
        self._readable = database

    def head(self) -> Head:
        with self._readable.read() as connection:
            return head(connection)

    def leaves(self, start: int, count: int) -> list[bytes]:
        """Up to `count` leaves from position `start` on. Fewer where some are missing."""
        query = select(ledger_entries.c.leaf).where(start <= _AT, start + count > _AT).order_by(_AT)
        with self._readable.read() as connection:
            return list(connection.execute(query).scalars().all())

    def entries(self, start: int, count: int) -> list[StoredEntry]:
        """As `leaves`, with what is left of each entry's content."""
        columns = (_AT, ledger_entries.c.leaf, ledger_entries.c.salt, ledger_entries.c.body)
        query = select(*columns).where(start <= _AT, start + count > _AT).order_by(_AT)
        with self._readable.read() as connection:
            return [StoredEntry(**row._mapping) for row in connection.execute(query)]

    def positions(self, request_id: str) -> list[int]:
        """Where the entries of a request are."""
        query = select(_AT).where(ledger_entries.c.request_id == request_id).order_by(_AT)
        with self._readable.read() as connection:
            return list(connection.execute(query).scalars().all())

    def last_before(self, moment: datetime) -> int | None:
        """The last position that was recorded before a moment."""
        query = select(func.max(_AT)).where(ledger_entries.c.recorded_at < moment)
        with self._readable.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    # -- tiles -----------------------------------------------------------------------------------------------

    def tile(self, level: int, number: int) -> bytes | None:
        """The hashes of a full tile, if it was made."""
        with self._readable.read() as connection:
            return connection.execute(_TILE, {"level": level, "number": number}).scalar_one_or_none()

    def roots(self, level: int, start: int, count: int) -> list[bytes]:
        """The hashes above up to `count` full tiles from number `start` on."""
        number = ledger_tiles.c.number
        query = select(ledger_tiles.c.root).where(
            ledger_tiles.c.level == level, number >= start, number < start + count
        )
        with self._readable.read() as connection:
            return list(connection.execute(query.order_by(number)).scalars().all())

    def tiles_made(self, level: int) -> int:
        """How many full tiles of a level there are."""
        query = select(func.max(ledger_tiles.c.number)).where(ledger_tiles.c.level == level)
        with self._readable.read() as connection:
            found = connection.execute(query).scalar_one_or_none()
        return 0 if found is None else int(found) + 1

    def last_checkpoint(self) -> StoredCheckpoint | None:
        return self._checkpoint(_LAST_CHECKPOINT)

    def checkpoint(self, size: int) -> StoredCheckpoint | None:
        """The one of so many entries, if it is kept."""
        return self._checkpoint(select(ledger_checkpoints).where(ledger_checkpoints.c.size == size))

    def _checkpoint(self, query: Select[Any]) -> StoredCheckpoint | None:
        with self._readable.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else StoredCheckpoint(**row._mapping)


class LedgerRows(LedgerReader):
    """Reads entries and erases their bodies; keeps tiles and checkpoints."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.database = database

    @contextmanager
    def snapshot(self) -> Iterator[LedgerReader]:
        """Everything read from it is of one moment."""
        with self.database.read() as connection:
            yield LedgerReader(_Moment(connection))

    def erase(self, first: int, last: int) -> int:
        """Erase the bodies of these positions; the leaves stay. Returns how many bodies there were."""
        there = (first <= _AT, last >= _AT, ledger_entries.c.salt.is_not(None))
        gone = {"salt": None, "body": None, "request_id": None}
        with self.database.write() as connection:
            return connection.execute(update(ledger_entries).where(*there).values(gone)).rowcount

    def add_tiles(self, tiles: Sequence[FullTile]) -> None:
        rows = [{"level": t.level, "number": t.number, "hashes": t.hashes, "root": t.root} for t in tiles]
        with self.database.write() as connection:
            connection.execute(insert(ledger_tiles), rows)

    def settle(self, tiles: Sequence[FullTile], checkpoint: StoredCheckpoint | None) -> None:
        """Add tiles and a checkpoint, in one transaction, and nothing that is there already: another process may have
        been first."""
        if not tiles and not self._is_news(checkpoint):
            return
        with self.database.write():
            new = [tile for tile in tiles if self.tile(tile.level, tile.number) is None]
            if new:
                self.add_tiles(new)
            if checkpoint is not None and self._is_news(checkpoint):
                self.put_checkpoint(checkpoint)

    # -- checkpoints -----------------------------------------------------------------------------------------

    def _is_news(self, checkpoint: StoredCheckpoint | None) -> bool:
        """Whether there is none of that size, or it was given to nobody so far."""
        if checkpoint is None:
            return False
        query = select(ledger_checkpoints.c.given_out).where(ledger_checkpoints.c.size == checkpoint.size)
        with self.database.read() as connection:
            given_out = connection.execute(query).scalar_one_or_none()
        return given_out is None or (checkpoint.given_out and not given_out)

    def checkpoints(self) -> list[StoredCheckpoint]:
        """Those that were given out, and the last; the oldest first."""
        with self.database.read() as connection:
            query = select(ledger_checkpoints).order_by(ledger_checkpoints.c.size)
            return [StoredCheckpoint(**row._mapping) for row in connection.execute(query)]

    def put_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        """Keep a checkpoint in place of the one of this size, and of smaller ones that nobody was given."""
        table = ledger_checkpoints
        passed = table.c.given_out.is_(False) & (table.c.size < checkpoint.size)
        with self.database.write() as connection:
            connection.execute(delete(table).where((table.c.size == checkpoint.size) | passed))
            connection.execute(insert(table).values(asdict(checkpoint)))
