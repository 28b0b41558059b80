"""The files a folder's indexing has dealt with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text

from regard.store.tables.columns import FilePath, Key
from regard.store.tables.metadata import metadata

indexed_files = Table(
    "indexed_files",
    metadata,
    Column("collection_key", Key, ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True),
    Column("path", FilePath, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("image_id", String(36)),
    Column("outcome", Text, nullable=False),
    Index(None, "collection_key", "image_id"),
)
