"""How far a shared index has come, and collections on their way into one."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from regard.store.tables.columns import Key
from regard.store.tables.metadata import metadata

#: How far an index that servers share has followed: up to which removal and which key, and when by its own clock.
index_positions = Table(
    "index_positions",
    metadata,
    Column("index_name", String(16), primary_key=True),
    Column("track", String(16), primary_key=True),
    Column("identity", String(64), nullable=False),
    Column("journal", BigInteger, nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("moment", BigInteger, nullable=False),
)


#: Collections that are being filled into a shared index, and up to which keys they are.
index_moves = Table(
    "index_moves",
    metadata,
    Column(
        "collection_key", Key, ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("index_name", String(16), nullable=False),
    Column("faces", BigInteger, nullable=False),
    Column("users", BigInteger, nullable=False),
)
