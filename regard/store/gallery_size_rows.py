"""Gallery sizes: how many vectors a collection holds, without counting them. At 300,000 faces a count takes longer than
the search that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select, text

from regard.store.database import Database
from regard.store.feed_tables import FACE_FEED, USER_FEED
from regard.store.tables.gallery_sizes import gallery_sizes

_SIZE = select(gallery_sizes.c.vectors).where(
    gallery_sizes.c.collection_key == bindparam("collection_key"), gallery_sizes.c.feed == bindparam("feed")
)
_ADD = text(
    "INSERT INTO gallery_sizes (collection_key, feed, vectors) VALUES (:collection_key, :feed, :more) "
    "ON CONFLICT (collection_key, feed) DO UPDATE SET vectors = gallery_sizes.vectors + :more"
)
_SUBTRACT = text(
    "UPDATE gallery_sizes SET vectors = vectors + :more WHERE collection_key = :collection_key AND feed = :feed"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Miscount:
    """A size that is not right: what is kept, and how many vectors are there."""

    feed: str
    kept: int
    there: int


class GallerySizeRows:
    """Tells sizes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def size(self, collection_key: int, feed: str) -> int:
        """How many vectors of that feed the collection holds."""
        with self._database.read() as connection:
            found = connection.execute(_SIZE, {"collection_key": collection_key, "feed": feed}).scalar_one_or_none()
        return found or 0

    def miscounts(self, collection_key: int) -> list[Miscount]:
        """Where the size that is kept is not that of counting; nothing, unless somebody wrote to the tables by hand."""
        with self._database.read() as connection:
            return _miscounts(connection, collection_key)

    def recount(self, collection_key: int) -> None:
        """Correct what `miscounts` finds."""
        with self._database.write() as connection:
            for wrong in _miscounts(connection, collection_key):
                change_size(connection, collection_key, wrong.feed, wrong.there - wrong.kept)


def change_size(connection: Connection, collection_key: int, feed: str, more: int) -> None:
    """There are `more` vectors than before, or less where it is below 0. In the transaction that makes it so."""
    if more:
        given = {"collection_key": collection_key, "feed": feed, "more": more}
        connection.execute(_ADD if more > 0 else _SUBTRACT, given)


def _miscounts(connection: Connection, collection_key: int) -> list[Miscount]:
    found = []
    for feed in (FACE_FEED, USER_FEED):
        theirs = feed.table.c.collection_key == collection_key
        there = connection.execute(select(func.count()).select_from(feed.table).where(theirs)).scalar_one()
        kept = connection.execute(_SIZE, {"collection_key": collection_key, "feed": feed.feed}).scalar_one_or_none()
        found.append(Miscount(feed=feed.feed, kept=kept or 0, there=there))
    return [each for each in found if each.kept != each.there]
