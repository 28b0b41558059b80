"""How many vectors of each feed a collection holds: counted as they come and go, for counting them takes a while."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table

from regard.store.tables.columns import Key, Whole
from regard.store.tables.metadata import metadata

#: Changed in the transaction that adds or deletes; no row stands for none.
gallery_sizes = Table(
    "gallery_sizes",
    metadata,
    Column(
        "collection_key", Key, ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("feed", String(16), primary_key=True),
    Column("vectors", Whole, nullable=False),
)
