"""Access keys. `holder_id` is the person or the service that a key belongs to, where it belongs to one."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from regard.store.tables.columns import Bytes, Instant
from regard.store.tables.metadata import metadata

access_keys = Table(
    "access_keys",
    metadata,
    Column("access_key_id", String(128), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("sealed_secret", Bytes, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("holder_id", String(36)),
)
