"""What people did with the faces of users, so that it can be undone; which faces are not whose; which files came in."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table

from regard.store.tables.columns import Instant, Key
from regard.store.tables.metadata import metadata

#: An act on the faces of users. Users stand here by their names: one that was deleted has no row any more.
user_acts = Table(
    "user_acts",
    metadata,
    Column("key", Key, primary_key=True),
    Column("collection_key", Key, ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("user_id", String(128), nullable=False),
    Column("acted_by", String(255), nullable=False),
    Column("acted_at", Instant, nullable=False),
    Column("undone_at", Instant),
    Index(None, "collection_key", "key"),
    Index(None, "acted_at"),
    sqlite_autoincrement=True,
)

#: The faces of an act, and whose each was before it and after it. A face that goes takes its row with it.
user_act_faces = Table(
    "user_act_faces",
    metadata,
    Column("act_key", Key, ForeignKey("user_acts.key", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("face_key", Key, ForeignKey("faces.key", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("before", String(128)),
    Column("after", String(128)),
    Index(None, "face_key"),
)

#: Faces that somebody said are not this user's; `act_key` is of the act that said so, as long as it can be undone.
separations = Table(
    "separations",
    metadata,
    Column("face_key", Key, ForeignKey("faces.key", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("user_id", String(128), primary_key=True),
    Column("act_key", Key, ForeignKey("user_acts.key", ondelete="SET NULL")),
    Index(None, "act_key"),
)

#: Files whose pictures came in, by the SHA-256 of their bytes: a row for each face, which goes with it, or one without
#: for a file that had none.
uploads = Table(
    "uploads",
    metadata,
    Column("key", Key, primary_key=True),
    Column("collection_key", Key, ForeignKey("collections.key", ondelete="CASCADE"), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("face_key", Key, ForeignKey("faces.key", ondelete="CASCADE")),
    Column("uploaded_at", Instant, nullable=False),
    Index(None, "collection_key", "sha256"),
    Index(None, "face_key"),
    sqlite_autoincrement=True,
)
