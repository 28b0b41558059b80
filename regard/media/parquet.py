"""Parquet files: tables in columns, written whole or not at all, read in pieces. The only door of pyarrow.

pyarrow is the extra `regard[parquet]`, so that it loads only where such a file is written or read.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, TypeVar

import numpy as np

from regard.errors import InvalidParameter, SettingsError
from regard.files import replace_file

T = TypeVar("T")

#: The most bytes of a footer: a million users without faces take some 60 MB.
_FOOTER_BYTES = 1 << 30
_READ_AHEAD_BYTES = 1 << 20


class Kind(StrEnum):
    """What a column holds, in a file and here: texts or None; numbers; microseconds since 1970 UTC or None; N×D."""

    TEXT = "text"
    REAL = "real"
    INSTANT = "instant"
    VECTOR = "vector"


#: TEXT list[str | None], REAL float64 N, INSTANT list[int | None], VECTOR N×D (float16 where it is written).
Columns = Mapping[str, Any]


def _libraries() -> tuple[ModuleType, ModuleType]:
    """pyarrow and its Parquet half. Raises SettingsError if they are not installed."""
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError("Parquet files need pyarrow: pip install 'regard[parquet]'") from error
    return pyarrow, pyarrow.parquet


# -- writing -----------------------------------------------------------------------------------------------------


class Draft:
    """A Parquet file that is being written; every `write` is a row group."""

    def __init__(self, sink: BinaryIO, kinds: Mapping[str, Kind], dimension: int) -> None:
        self._arrow, parquet = _libraries()
        types = {kind: _type(self._arrow, kind, dimension) for kind in Kind}
        self._kinds = kinds
        self._schema = self._arrow.schema([(name, types[kind]) for name, kind in kinds.items()])
        vectors = [name for name, kind in kinds.items() if kind is Kind.VECTOR]
        # Vectors neither compress nor repeat: trying would only cost time.
        leaves = [f"{name}.list.element" if name in vectors else name for name in kinds]
        plain = {f"{name}.list.element" for name in vectors}
        self._writer = parquet.ParquetWriter(
            sink,
            self._schema,
            compression={leaf: "NONE" if leaf in plain else "ZSTD" for leaf in leaves},
            use_dictionary=[name for name in ("external_image_id", "user_id", "user_created_at") if name in kinds],
            write_statistics=False,
            write_page_checksum=True,
        )

    def write(self, columns: Columns) -> None:
        arrays = [_array(self._arrow, kind, columns[name]) for name, kind in self._kinds.items()]
        types = [field.type for field in self._schema]
        cast = [array.cast(wanted) for array, wanted in zip(arrays, types, strict=True)]
        self._writer.write_batch(self._arrow.record_batch(cast, schema=self._schema))

    def finish(self, name: str, description: Mapping[str, Any]) -> None:
        """End the file; its metadata keeps `description` under `name`, as JSON."""
        self._writer.add_key_value_metadata({name: json.dumps(description, ensure_ascii=False)})
        self._writer.close()

    def abandon(self) -> None:
        """Write no more: pyarrow would otherwise end the file when the writer is collected."""
        self._writer.is_open = False


@contextmanager
def draft(file: Path, kinds: Mapping[str, Kind], dimension: int) -> Iterator[Draft]:
    """Write to `FILE.part`, its owner's alone, and give it its name when all of it is on the disk.

    What an earlier attempt left there is written over. Raises InvalidParameter while another process writes there.
    """
    _libraries()
    part = file.with_name(file.name + ".part")
    with ExitStack() as stack:
        try:
            sink = stack.enter_context(replace_file(file, draft=part))
        except BlockingIOError as error:
            raise InvalidParameter(f"{part} is being written by another process.") from error
        writer = Draft(sink, kinds, dimension)
        stack.callback(writer.abandon)
        yield writer


def _type(arrow: Any, kind: Kind, dimension: int) -> Any:
    if kind is Kind.VECTOR:  # a list of any size if the dimension is not known
        return arrow.list_(arrow.float16(), dimension or -1)
    return {
        Kind.TEXT: arrow.string(),
        Kind.REAL: arrow.float64(),
        Kind.INSTANT: arrow.timestamp("us", "UTC"),
    }[kind]


def _array(arrow: Any, kind: Kind, values: Any) -> Any:
    if kind is Kind.VECTOR:
        rows = np.ascontiguousarray(values)
        return arrow.FixedSizeListArray.from_arrays(arrow.array(rows.ravel()), rows.shape[1])
    if kind is Kind.INSTANT:
        return arrow.array(values, arrow.int64())
    return arrow.array(values)


# -- reading -----------------------------------------------------------------------------------------------------


class ParquetTable:
    """A Parquet file to read. Raises InvalidParameter, here and later, if it is not one or is damaged."""

    def __init__(self, file: Path) -> None:
        self._arrow, self._parquet = _libraries()
        self.file = file
        file.open("rb").close()  # what is wrong with the file as a file, in the system's words
        with self._in_words():
            self._bytes = self._arrow.OSFile(str(file))  # kept open: a file that takes its name later is another
            opened = self._opened()
            self.rows: int = opened.metadata.num_rows
            self._metadata: dict[bytes, bytes] = opened.metadata.metadata or {}
            self.columns: list[str] = opened.schema_arrow.names

    def close(self) -> None:
        self._bytes.close()

    def description(self, name: str) -> Any:
        """What the file's metadata keeps under `name`, from JSON; None if there is nothing."""
        with self._in_words():
            text = self._metadata.get(name.encode())
            return None if text is None else json.loads(text)

    def batches(self, kinds: Mapping[str, Kind], size: int) -> Iterator[dict[str, Any]]:
        """The columns named, up to `size` rows at once. Errors count rows from 1."""
        row = 0
        with self._in_words():
            pieces = ahead(self._opened().iter_batches(size, columns=list(kinds)))
        while True:
            with self._in_words():
                batch = next(pieces, None)
                if batch is None:
                    return
                columns = {name: self._values(batch.column(name), name, kind, row) for name, kind in kinds.items()}
            yield columns
            row += batch.num_rows

    def _opened(self) -> Any:
        # Without pre_buffer a row group of any size is read page by page.
        return self._parquet.ParquetFile(
            self._bytes,
            pre_buffer=False,
            buffer_size=_READ_AHEAD_BYTES,
            page_checksum_verification=True,
            thrift_string_size_limit=_FOOTER_BYTES,
        )

    def _values(self, column: Any, name: str, kind: Kind, row: int) -> Any:
        arrow = self._arrow
        if kind is Kind.VECTOR:
            return self._vectors(column, name, row)
        if kind is Kind.INSTANT:
            return column.cast(arrow.timestamp("us", "UTC")).cast(arrow.int64()).to_pylist()
        if kind is Kind.TEXT:
            return column.cast(arrow.string()).to_pylist()
        if column.null_count:
            raise InvalidParameter(f"{self.file}, row {row + _first_null(column) + 1}: {name} is missing.")
        return column.cast(arrow.float64()).to_numpy()

    def _vectors(self, column: Any, name: str, row: int) -> Any:
        kinds = self._arrow.types
        lists = (kinds.is_list, kinds.is_large_list, kinds.is_fixed_size_list)
        if not any(is_it(column.type) for is_it in lists) or not kinds.is_floating(column.type.value_type):
            raise InvalidParameter(f"{self.file}: {name} holds {column.type}, not lists of floating-point numbers.")
        if column.null_count:
            raise InvalidParameter(f"{self.file}, row {row + _first_null(column) + 1}: {name} is missing.")
        if kinds.is_fixed_size_list(column.type):
            size = column.type.list_size
        else:
            sizes = np.asarray(column.value_lengths())
            size = int(sizes[0]) if len(sizes) else 0
            if (odd := np.flatnonzero(sizes != size)).size:
                at = int(odd[0])
                raise InvalidParameter(
                    f"{self.file}, row {row + at + 1}: {name} has {sizes[at]} numbers, those before it {size}."
                )
        numbers = column.flatten()
        if numbers.null_count:
            at = _first_null(numbers) // size
            raise InvalidParameter(f"{self.file}, row {row + at + 1}: a number of {name} is missing.")
        return numbers.to_numpy().reshape(len(column), size)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (self._arrow.ArrowException, OSError, ValueError) as error:
            said = str(error).partition("\n")[0]
            raise InvalidParameter(f"{self.file} is not a Parquet file, or it is damaged: {said}") from error


def ahead(pieces: Iterator[T], most: int = 1) -> Iterator[T]:
    """The same pieces, read in a thread of their own, up to `most` of them ahead."""
    reader = ThreadPoolExecutor(1, "read-ahead")
    try:
        coming = deque(reader.submit(next, pieces, None) for _ in range(most))
        while (piece := coming.popleft().result()) is not None:
            coming.append(reader.submit(next, pieces, None))
            yield piece
    finally:
        reader.shutdown(cancel_futures=True)


def _first_null(column: Any) -> int:
    return int(np.flatnonzero(np.asarray(column.is_null()))[0])
