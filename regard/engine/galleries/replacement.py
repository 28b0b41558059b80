"""A remake puts another collection in the place of one that a request has found: then the request begins again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from regard.domain.galleries import Collection
from regard.errors import InvalidParameter, ResourceNotFound
from regard.store.collection_rows import CollectionRows

T = TypeVar("T")


def in_its_place(
    collections: CollectionRows,
    collection_id: str,
    feed: str,
    act: Callable[[Collection, int], T],
    came_to_nothing: Callable[[T], bool] = lambda _: False,
) -> T:
    """What `act` makes of the collection and its number of vectors of that feed.

    If that failed or came to nothing, and the collection of that name is another by now, it is done with that one.
    Raises ResourceNotFound if there is no such collection, and what `act` raises.
    """
    collection, size = collections.with_size(collection_id, feed)
    while True:
        try:
            result = act(collection, size)
        except (ResourceNotFound, InvalidParameter):
            current = collections.find(collection_id)
            if current is None or current.key == collection.key:
                raise
        else:
            if not came_to_nothing(result) or collections.get(collection_id).key == collection.key:
                return result
        collection, size = collections.with_size(collection_id, feed)
