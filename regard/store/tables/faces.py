"""Enrolled faces."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint

from regard.store.tables.columns import Bytes, Instant, Key, Number
from regard.store.tables.metadata import metadata

#: AUTOINCREMENT: a face's key is never given to another, so an index may follow "every key above the last I saw".
faces = Table(
    "faces",
    metadata,
    Column("key", Key, primary_key=True),
    Column("collection_key", Key, ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
    Column("face_id", String(36), nullable=False),
    Column("image_id", String(36), nullable=False),
    Column("external_image_id", String(255)),
    Column("left", Number, nullable=False),
    Column("top", Number, nullable=False),
    Column("width", Number, nullable=False),
    Column("height", Number, nullable=False),
    Column("confidence", Number, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("embedding", Bytes, nullable=False),
    Column("utility", Number),
    UniqueConstraint("collection_key", "face_id"),
    Index(None, "collection_key", "key"),
    sqlite_autoincrement=True,
)
