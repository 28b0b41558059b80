"""Items in another order, however many there are: sorted in runs that are kept compressed, and merged."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from regard.engine.jobs.task import Item
from regard.store.result_bodies import packed, unpacked, whole

#: Items of a run: some 25 MB of Python's objects at 1.2 kB of JSON each.
_RUN_ITEMS = 5000


def ordered(items: Iterable[Item], key: Callable[[Item], Any]) -> Iterator[Item]:
    """The items by `key`; those with the same keep their order."""
    left, runs = iter(items), []
    while run := sorted(islice(left, _RUN_ITEMS), key=key):
        runs.append(packed(map(whole, run)))
    yield from heapq.merge(*map(unpacked, runs), key=key)
