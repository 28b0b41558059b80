"""Users, whose face is whose, and the vector a user is found by."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint

from regard.store.tables.columns import Bytes, Instant, Key
from regard.store.tables.metadata import metadata

#: A person of a collection, as a client named them.
users = Table(
    "users",
    metadata,
    Column("key", Key, primary_key=True),
    Column("collection_key", Key, ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("collection_key", "user_id"),
    Index(None, "collection_key", "key"),
    sqlite_autoincrement=True,
)


#: Whose face it is; a face belongs to one user at most.
memberships = Table(
    "memberships",
    metadata,
    Column("face_key", Key, ForeignKey("faces.key", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("user_key", Key, ForeignKey("users.key", ondelete="CASCADE"), nullable=False),
    Index(None, "user_key"),
)


#: The one vector of a user who has faces. A change makes a new row: like a face's, a key never changes its meaning.
user_vectors = Table(
    "user_vectors",
    metadata,
    Column("key", Key, primary_key=True),
    Column("collection_key", Key, ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
    Column("user_key", Key, ForeignKey("users.key", ondelete="CASCADE"), nullable=False, unique=True),
    Column("embedding", Bytes, nullable=False),
    Index(None, "collection_key", "key"),
    sqlite_autoincrement=True,
)
