"""The tables, in SQLAlchemy Core. `migrations/` makes them; a test proves that the two say the same."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

from regard.domain import EMBEDDED

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def instant(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND


class Instant(TypeDecorator[datetime]):
    """A moment, kept as whole microseconds since 1970 UTC: the same in every engine, and exact."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, _: Dialect) -> datetime | None:
        return None if value is None else instant(value)


class FilePath(TypeDecorator[str]):
    """A file's path, kept as the bytes the file system knows: old archives hold names that are not UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> bytes | None:
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, _: Dialect) -> str | None:
        return None if value is None else os.fsdecode(value)


#: SQLite numbers rows by itself only when the column's type is INTEGER.
_Key = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_unique",
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
    }
)

collections = Table(
    "collections",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("id", String(255), nullable=False, unique=True),
    Column("face_model", String(255), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("index_name", String(16), nullable=False, server_default=EMBEDDED),
    sqlite_autoincrement=True,
)

#: AUTOINCREMENT: a face's key is never given to another, so an index may follow "every key above the last I saw".
faces = Table(
    "faces",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("collection_key", _Key, ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
    Column("face_id", String(36), nullable=False),
    Column("image_id", String(36), nullable=False),
    Column("external_image_id", String(255)),
    Column("left", Float, nullable=False),
    Column("top", Float, nullable=False),
    Column("width", Float, nullable=False),
    Column("height", Float, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("embedding", LargeBinary, nullable=False),
    UniqueConstraint("collection_key", "face_id"),
    Index(None, "collection_key", "key"),
    sqlite_autoincrement=True,
)

#: A person of a collection, as a client named them.
users = Table(
    "users",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("collection_key", _Key, ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
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
    Column("face_key", _Key, ForeignKey("faces.key", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("user_key", _Key, ForeignKey("users.key", ondelete="CASCADE"), nullable=False),
    Index(None, "user_key"),
)

#: The one vector of a user who has faces. A change makes a new row: like a face's, a key never changes its meaning.
user_vectors = Table(
    "user_vectors",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("collection_key", _Key, ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
    Column("user_key", _Key, ForeignKey("users.key", ondelete="CASCADE"), nullable=False, unique=True),
    Column("embedding", LargeBinary, nullable=False),
    Index(None, "collection_key", "key"),
    sqlite_autoincrement=True,
)

#: What has gone, for the indexes of other processes; keys only. With neither a face nor a user's vector it says: the
#: whole collection; and with an index's name: from that index alone, which fills itself again if the collection lives
#: there.
removals = Table(
    "removals",
    metadata,
    Column("seq", _Key, primary_key=True),
    Column("collection_key", _Key, nullable=False),
    Column("face_key", _Key),
    Column("user_vector_key", _Key),
    Column("index_name", String(16)),
    sqlite_autoincrement=True,
)

#: How far an index that servers share has followed: up to which removal and which key, and when by its own clock.
index_positions = Table(
    "index_positions",
    metadata,
    Column("index_name", String(16), primary_key=True),
    Column("track", String(16), primary_key=True),
    Column("identity", String(64), nullable=False),
    Column("journal", BigInteger, nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("moment", BigInteger, nullable=False),
)

#: Collections that are being filled into a shared index, and up to which keys they are.
index_moves = Table(
    "index_moves",
    metadata,
    Column(
        "collection_key", _Key, ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    Column("index_name", String(16), nullable=False),
    Column("faces", BigInteger, nullable=False),
    Column("users", BigInteger, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("collection_key", _Key, ForeignKey("collections.key", ondelete="CASCADE"), primary_key=True),
    Column("path", FilePath, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("image_id", String(36)),
    Column("outcome", Text, nullable=False),
    Index(None, "collection_key", "image_id"),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("access_key_id", String(128), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

#: What a request with a ClientRequestToken was answered, so that sending it again does nothing again.
receipts = Table(
    "receipts",
    metadata,
    Column("access_key_id", String(128), primary_key=True),
    Column("operation", String(64), primary_key=True),
    Column("token", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("answer", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "created_at"),
)

#: One row: which database this is, wherever it is copied to.
identity = Table("identity", metadata, Column("id", String(36), primary_key=True))
