"""Columns of Arrow as our own: texts, numbers, instants, vectors. What is wrong in one is said with its row.

A column of another type is refused rather than converted, and nothing is unpacked before its length is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from regard.errors import InvalidParameter

#: The most bytes of a text: the longest id has 255 characters.
_LONGEST_TEXT = 1024
#: The most numbers of a vector: face models have 128 to 4,096.
_LONGEST_VECTOR = 4096
#: Most characters of a type's name in a message: nested ones go on and on.
_SHOWN = 80


class Kind(StrEnum):
    """What a column holds, in a file and here: texts or None; numbers; microseconds since 1970 UTC or None; N×D."""

    TEXT = "text"
    REAL = "real"
    INSTANT = "instant"
    VECTOR = "vector"


#: TEXT list[str | None], REAL float64 N, INSTANT list[int | None], VECTOR N×D (float16 where it is written).
Columns = Mapping[str, Any]


class ColumnReader:
    """Reads columns of one file. Raises InvalidParameter."""

    def __init__(self, arrow: ModuleType, file: Path) -> None:
        self._arrow = arrow
        self._file = file
        self._readers = {
            Kind.TEXT: self._texts,
            Kind.REAL: self._numbers,
            Kind.INSTANT: self._instants,
            Kind.VECTOR: self._vectors,
        }

    def values(self, column: Any, name: str, kind: Kind, row: int) -> Any:
        """The values of `column`, which is called `name`; `row` is how many rows of the file come before."""
        return self._readers[kind](column, name, row)

    def _texts(self, column: Any, name: str, row: int) -> list[str | None]:
        types = self._arrow.types
        if types.is_null(column.type):
            return [None] * len(column)
        shared = types.is_dictionary(column.type)
        words = column.dictionary if shared else column
        texts = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
        if not any(is_it(words.type) for is_it in texts):
            raise self._mistyped(column, name, "text")
        sizes = np.asarray(self._arrow.compute.binary_length(words).fill_null(0))
        if (long := np.flatnonzero(sizes > _LONGEST_TEXT)).size:
            at = np.flatnonzero(np.isin(np.asarray(column.indices.fill_null(-1)), long)) if shared else long
            if at.size:
                size = int(sizes[column.indices[int(at[0])].as_py()] if shared else sizes[at[0]])
                raise self._fault(row + int(at[0]), f"{name} has {size:,} bytes; at most {_LONGEST_TEXT:,} are read")
        with self._reading(column, name, row):
            found: list[str | None] = column.cast(self._arrow.string()).to_pylist()
        return found

    def _numbers(self, column: Any, name: str, row: int) -> Any:
        self._check_whole(column, name, row)
        types = self._arrow.types
        if not types.is_floating(column.type) and not types.is_integer(column.type):
            raise self._mistyped(column, name, "numbers")
        with self._reading(column, name, row):
            return column.cast(self._arrow.float64()).to_numpy()

    def _instants(self, column: Any, name: str, row: int) -> list[int | None]:
        types = self._arrow.types
        if types.is_null(column.type):
            return [None] * len(column)
        if not types.is_timestamp(column.type):
            raise self._mistyped(column, name, "times")
        with self._reading(column, name, row):
            moments = column.cast(self._arrow.timestamp("us", "UTC"))
        found: list[int | None] = moments.cast(self._arrow.int64()).to_pylist()
        return found

    def _vectors(self, column: Any, name: str, row: int) -> Any:
        types = self._arrow.types
        lists = (types.is_list, types.is_large_list, types.is_fixed_size_list)
        if not any(is_it(column.type) for is_it in lists) or not types.is_floating(column.type.value_type):
            raise self._mistyped(column, name, "lists of floating-point numbers")
        self._check_whole(column, name, row)
        size = self._size(column, name, row)
        if not 1 <= size <= _LONGEST_VECTOR:
            raise self._fault(row, f"{name} has {size:,} numbers; 1 to {_LONGEST_VECTOR:,} are read")
        numbers = column.flatten()
        if numbers.null_count:
            raise self._fault(row + _first_null(numbers) // size, f"a number of {name} is missing")
        return numbers.to_numpy().reshape(len(column), size)

    def _size(self, column: Any, name: str, row: int) -> int:
        """How many numbers each vector has."""
        if self._arrow.types.is_fixed_size_list(column.type):
            return int(column.type.list_size)
        sizes = np.asarray(column.value_lengths())
        size = int(sizes[0]) if len(sizes) else 1
        if (odd := np.flatnonzero(sizes != size)).size:
            at = int(odd[0])
            raise self._fault(row + at, f"{name} has {sizes[at]} numbers, those before it {size}")
        return size

    def _check_whole(self, column: Any, name: str, row: int) -> None:
        if column.null_count:
            raise self._fault(row + _first_null(column), f"{name} is missing")

    @contextmanager
    def _reading(self, column: Any, name: str, row: int) -> Iterator[None]:
        """Conversions, which fail for a value that is out of bounds or is not UTF-8."""
        try:
            yield
        except (self._arrow.ArrowInvalid, UnicodeDecodeError) as error:
            said = str(error).partition("\n")[0][:200]
            raise InvalidParameter(
                f"{self._file}, rows {row + 1:,} to {row + len(column):,}: {name} cannot be read: {said}."
            ) from error

    def _mistyped(self, column: Any, name: str, wanted: str) -> InvalidParameter:
        return InvalidParameter(f"{self._file}: {name} holds {str(column.type)[:_SHOWN]}, not {wanted}.")

    def _fault(self, rows: int, said: str) -> InvalidParameter:
        return InvalidParameter(f"{self._file}, row {rows + 1}: {said}.")


def _first_null(column: Any) -> int:
    return int(np.flatnonzero(np.asarray(column.is_null()))[0])
