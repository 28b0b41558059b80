"""What has gone, for the indexes of other processes."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from regard.store.tables.columns import Key
from regard.store.tables.metadata import metadata

#: What has gone, for the indexes of other processes; keys only. With neither a face nor a user's vector it says: the
#: whole collection; and with an index's name: from that index alone, which fills itself again if the collection lives
#: there.
deletions = Table(
    "deletions",
    metadata,
    Column("seq", Key, primary_key=True),
    Column("collection_key", Key, nullable=False),
    Column("face_key", Key),
    Column("user_vector_key", Key),
    Column("index_name", String(16)),
    sqlite_autoincrement=True,
)
