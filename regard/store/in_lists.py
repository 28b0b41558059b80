"""IN lists: many values in as few statements as a database takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

#: Values in one IN list; SQLite takes 32,766 parameters in a statement, PostgreSQL 32,767.
IN_LIST_VALUES = 4096


def in_lists(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in their order, in lists that one statement holds; no list where there are none."""
    remaining = iter(values)
    while values_of_one := list(islice(remaining, IN_LIST_VALUES)):
        yield values_of_one
