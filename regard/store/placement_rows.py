"""Where collections live: each in one index, and some on their way into another."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, select

from regard.store.database import Database
from regard.store.in_lists import in_lists
from regard.store.tables.collections import collections
from regard.store.tables.index_state import index_moves


class PlacementRows:
    """The keys of collections by where they live, ascending."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def living_in(self, index_name: str) -> list[int]:
        return self._keys(collections.c.index_name == index_name)

    def living_elsewhere(self, index_name: str) -> list[int]:
        return self._keys(collections.c.index_name != index_name)

    def held_by(self, index_name: str) -> list[int]:
        """Those that live in this index, and those that are being filled into it."""
        return self._keys(held_by(index_name))

    def not_held_by(self, index_name: str) -> list[int]:
        return self._keys(~held_by(index_name))

    def arriving_in(self, index_name: str) -> list[int]:
        """Those that are being filled into this index and live elsewhere until then."""
        return self._keys(held_by(index_name) & (collections.c.index_name != index_name))

    def existing(self, collection_keys: Iterable[int]) -> set[int]:
        """Those of the collections that have not been deleted."""
        return {key for keys in in_lists(collection_keys) for key in self._keys(collections.c.key.in_(keys))}

    def _keys(self, where: ColumnElement[bool]) -> list[int]:
        with self._database.read() as connection:
            found = connection.execute(select(collections.c.key).where(where).order_by(collections.c.key))
            return list(found.scalars())


def held_by(index_name: str) -> ColumnElement[bool]:
    """Whether a row of `collections` lives in this index, or is being filled into it."""
    arriving = select(index_moves.c.collection_key).where(index_moves.c.index_name == index_name)
    return (collections.c.index_name == index_name) | collections.c.key.in_(arriving)
