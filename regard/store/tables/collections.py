"""Collections."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from regard.domain.galleries import EMBEDDED
from regard.store.tables.columns import Instant, JsonObject, Key
from regard.store.tables.metadata import metadata

collections = Table(
    "collections",
    metadata,
    Column("key", Key, primary_key=True),
    Column("id", String(255), nullable=False, unique=True),
    Column("face_model", String(255), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("tags", JsonObject, nullable=False),
    Column("index_name", String(16), nullable=False, server_default=EMBEDDED),
    sqlite_autoincrement=True,
)
