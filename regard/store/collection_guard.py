"""The guard of every write to a collection: it is still there, and stays until the write is done."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from regard.errors import ResourceNotFound
from regard.store.tables.collections import collections

_BOUND = select(collections.c.face_model, collections.c.index_name).where(collections.c.key == bindparam("key"))
#: Made once: to put a statement together takes longer than to run it.
_STAYS, _IS_MINE = _BOUND.with_for_update(read=True), _BOUND.with_for_update()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """What is true of a collection until the transaction ends."""

    face_model: str
    index_name: str


def guard(connection: Connection, collection_key: int, *, change: bool = False) -> Guarded:
    """Hold the collection's row until the transaction ends: it is not deleted, nor, with `change`,
    written to by others.

    Raises ResourceNotFound when the collection has gone.
    """
    row = connection.execute(_IS_MINE if change else _STAYS, {"key": collection_key}).one_or_none()
    if row is None:
        raise collection_gone()
    return Guarded(face_model=row.face_model, index_name=row.index_name)


def collection_gone() -> ResourceNotFound:
    """What to raise when a collection went between being found and being written to."""
    return ResourceNotFound("The collection was deleted while the request was being handled. Nothing was stored.")
