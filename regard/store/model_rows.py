"""Which model made the vectors of a collection: what a codebook is chosen by."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from regard.store.database import Database
from regard.store.feed_tables import FeedTable


class ModelRows:
    """The models of one feed's vectors, by collection. A collection is bound to one for life."""

    def __init__(self, database: Database, table: FeedTable) -> None:
        self._database = database
        self._query = select(table.model).where(table.model.table.c.key == bindparam("key"))

    def version(self, collection_key: int) -> str | None:
        """The version of the model; None when there is no such collection."""
        with self._database.read() as connection:
            found: str | None = connection.execute(self._query, {"key": collection_key}).scalar_one_or_none()
        return found
