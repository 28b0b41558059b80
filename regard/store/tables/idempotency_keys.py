"""What a request with a ClientRequestToken was answered."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table

from regard.store.tables.columns import Instant, JsonObject
from regard.store.tables.metadata import metadata

#: What a request with a ClientRequestToken was answered, so that sending it again does nothing again.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("access_key_id", String(128), primary_key=True),
    Column("operation", String(64), primary_key=True),
    Column("token", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("answer", JsonObject, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "created_at"),
)
