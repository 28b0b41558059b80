"""How far a shared index has come, and collections on their way into one."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table

from regard.store.tables.columns import Key, Whole
from regard.store.tables.metadata import metadata

#: How far an index that servers share has followed a feed: up to which deletion and which key, and when by its own
#: clock.
index_checkpoints = Table(
    "index_checkpoints",
    metadata,
    Column("index_name", String(16), primary_key=True),
    Column("feed", String(16), primary_key=True),
    Column("identity", String(64), nullable=False),
    Column("deletion", Whole, nullable=False),
    Column("key", Whole, nullable=False),
    Column("moment", Whole, nullable=False),
)

#: Collections that are being filled into a shared index.
index_moves = Table(
    "index_moves",
    metadata,
    Column(
        "collection_key", Key, ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("index_name", String(16), nullable=False),
)

#: Up to which key of a feed such a collection has been filled in; no row before the first.
index_move_progress = Table(
    "index_move_progress",
    metadata,
    Column(
        "collection_key",
        Key,
        ForeignKey("index_moves.collection_key", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("feed", String(16), primary_key=True),
    Column("key", Whole, nullable=False),
)
