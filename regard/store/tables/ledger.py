"""The ledger: what was done, entry by entry; the hashes above the entries; and the checkpoints that were signed."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from regard.store.tables.columns import Bytes, Instant, Key
from regard.store.tables.metadata import metadata

#: `leaf` is SHA-256 over salt and body and stays for good; salt, body and request_id go when the body is erased.
ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("position", Key, primary_key=True, autoincrement=False),
    Column("leaf", Bytes, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("salt", Bytes),
    Column("body", Bytes),
    Column("request_id", String(128)),
    Index(None, "request_id"),
)

#: Full tiles (256 hashes); `root` is the hash above them, which is in a tile of the next level.
ledger_tiles = Table(
    "ledger_tiles",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", Key, primary_key=True, autoincrement=False),
    Column("hashes", Bytes, nullable=False),
    Column("root", Bytes, nullable=False),
)

#: Signed notes, with the lines of witnesses. The last is here, and of those before only what somebody was given. `edge`
#: has the hashes along the right edge of its tree, which proofs are quicker with.
ledger_checkpoints = Table(
    "ledger_checkpoints",
    metadata,
    Column("size", Key, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("given_out", Boolean, nullable=False),
    Column("edge", Bytes),
)

#: That the clock may be behind the ledger: two people confirmed that `clock` was right when the last entry was of
#: `ledger_time`.
ledger_resumptions = Table(
    "ledger_resumptions",
    metadata,
    Column("key", Key, primary_key=True),
    Column("ledger_time", Instant, nullable=False),
    Column("clock", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_by", String(64), nullable=False),
    Column("confirmed_by", String(64)),
    Column("confirmed_at", Instant),
    sqlite_autoincrement=True,
)
