"""Authorisations: why, on what basis, of what and until when somebody may search; and the profiles they were given
under."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from regard.store.tables.columns import Instant, JsonObject, Key, Number, OtherKey
from regard.store.tables.metadata import metadata

#: `scope` holds the lists `collections`, `operations` and `media`; one that is absent limits nothing. `holder_id` is
#: who may use it. `on_behalf_of` holds `agency`, `person` and `request_sha256`. `statistics` is what a law asks to be
#: counted of warrants.
authorisations = Table(
    "authorisations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("offence", String(255)),
    Column("basis", Text, nullable=False),
    Column("document_sha256", String(64)),
    Column("case_reference", String(255)),
    Column("declaration", Text, nullable=False),
    Column("scope", JsonObject, nullable=False),
    Column("on_behalf_of", JsonObject, nullable=False),
    Column("statistics", JsonObject, nullable=False),
    Column("profile", String(64), nullable=False),
    Column("searches_allowed", OtherKey),
    Column("searches_done", OtherKey, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("confirm_by", Instant),
    Column("state", String(16), nullable=False),
    Column("holder_id", String(36), nullable=False),
    Column("requested_by", String(36), ForeignKey("people.id"), nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("decided_by", String(36)),
    Column("decided_at", Instant),
    Column("ended_by", String(36)),
    Column("ended_at", Instant),
    Index(None, "holder_id"),
    Index(None, "state", "confirm_by"),
)

#: Each text of a profile that was ever in force, by its hash (SHA-256 of the canonical JSON).
profile_versions = Table(
    "profile_versions",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("version", OtherKey, nullable=False),
    Column("content", JsonObject, nullable=False),
    Column("first_used_at", Instant, nullable=False),
)

#: A threshold below a profile's: two people, a reason, and the evaluation it belongs to.
threshold_changes = Table(
    "threshold_changes",
    metadata,
    Column("key", Key, primary_key=True),
    Column("collection_key", OtherKey, ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
    Column("threshold_before", Number, nullable=False),
    Column("threshold", Number, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evaluation_id", String(36)),
    Column("requested_by", String(36), nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("approved_by", String(36)),
    Column("approved_at", Instant),
    Index(None, "collection_key"),
    sqlite_autoincrement=True,
)
