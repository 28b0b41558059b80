"""What has gone, for the indexes that follow SQL."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from regard.store.tables.columns import Key, OtherKey
from regard.store.tables.metadata import metadata

#: Keys only. Without feed and key it means the whole collection; with an index's name, in that index alone, which fills
#: itself again if the collection lives there.
deletions = Table(
    "deletions",
    metadata,
    Column("seq", Key, primary_key=True),
    Column("collection_key", OtherKey, nullable=False),
    Column("feed", String(16)),
    Column("key", OtherKey),
    Column("index_name", String(16)),
    sqlite_autoincrement=True,
)

#: One row: up to which number deletions were pruned. None before the first time.
pruned_deletions = Table("pruned_deletions", metadata, Column("seq", BigInteger, primary_key=True, autoincrement=False))
