"""Parquet files: tables in columns, written whole or not at all, read in pieces. The only door of pyarrow.

pyarrow is the extra `regard[parquet]`, so that it loads only where such a file is written or read.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, TypeVar

import numpy as np

from regard.errors import InvalidParameter, SettingsError
from regard.files import replace_file
from regard.media.parquet_columns import ColumnReader, Columns, Kind

T = TypeVar("T")

#: The most bytes of a footer: a million users without faces take some 60 MB.
_FOOTER_BYTES = 1 << 30
_READ_AHEAD_BYTES = 1 << 20
#: Embeddings hardly compress: a file whose embeddings take so many times its own size is made to waste memory and time.
_MOST_UNPACKED = 200
#: Fewer bytes than these do no harm.
_LITTLE = 256 << 20
#: What a row takes besides its embedding, about.
_ROW_BYTES = 100


def libraries() -> tuple[ModuleType, ModuleType]:
    """pyarrow and its Parquet half. Raises SettingsError if they are not installed."""
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        import pyarrow.compute  # noqa: PLC0415
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError("Parquet files need pyarrow: pip install 'regard[parquet]'") from error
    return pyarrow, pyarrow.parquet


def spare_memory() -> None:
    """For a process whose memory is bounded: allocate what is needed only, with one thread."""
    arrow, _ = libraries()
    arrow.set_memory_pool(arrow.system_memory_pool())
    arrow.set_cpu_count(1)
    arrow.set_io_thread_count(1)


# -- writing -----------------------------------------------------------------------------------------------------


class Draft:
    """A Parquet file that is being written; every `write` is a row group."""

    def __init__(self, sink: BinaryIO, kinds: Mapping[str, Kind], dimension: int) -> None:
        self._arrow, parquet = libraries()
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
    libraries()
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
    """A Parquet file to read. Raises InvalidParameter, here and later, if it is not one or is damaged.

    What it states of itself is not believed, but pyarrow may be led to take much memory before it can be checked:
    `engine.transfer.rehearsal` is for files of others.
    """

    def __init__(self, file: Path) -> None:
        self._arrow, self._parquet = libraries()
        self.file = file
        file.open("rb").close()  # what is wrong with the file as a file, in the system's words
        with self._in_words():
            self._bytes = self._arrow.OSFile(str(file))  # kept open: a file that takes its name later is another
            opened = self._opened([])
            self.rows: int = opened.metadata.num_rows
            self._metadata: dict[bytes, bytes] = opened.metadata.metadata or {}
            self.columns: list[str] = opened.schema_arrow.names
            self._flat = {opened.schema.column(place).path for place in range(len(opened.schema.names))}
        if len(set(self.columns)) < len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise InvalidParameter(f"{file} has the column {twice[:100]!r} more than once; leave one.")

    def close(self) -> None:
        self._bytes.close()

    def note(self, name: str) -> bytes | None:
        """What the file's metadata keeps under `name`; None if there is nothing."""
        return self._metadata.get(name.encode())

    def batches(self, kinds: Mapping[str, Kind], size: int) -> Iterator[dict[str, Any]]:
        """The columns named, up to `size` rows at once. Errors count rows from 1."""
        row = unpacked = 0
        reader = ColumnReader(self._arrow, self.file)
        with self._in_words():
            texts = [name for name, kind in kinds.items() if kind is Kind.TEXT and name in self._flat]
            most = max(_LITTLE, _MOST_UNPACKED * self._bytes.size())
            pieces = ahead(self._opened(texts).iter_batches(size, columns=list(kinds)))
        while True:
            with self._in_words():
                batch = next(pieces, None)
                if batch is None:
                    break
                columns = {name: reader.values(batch.column(name), name, kind, row) for name, kind in kinds.items()}
            row += batch.num_rows
            vectors = (columns[name].nbytes for name, kind in kinds.items() if kind is Kind.VECTOR)
            unpacked += sum(vectors) + _ROW_BYTES * batch.num_rows
            if row > self.rows:
                break
            if unpacked > most:
                raise InvalidParameter(
                    f"{self.file} unpacks to more than {_MOST_UNPACKED} times its size, which real embeddings do not."
                )
            yield columns
        if row != self.rows:
            raise InvalidParameter(f"{self.file} states {self.rows:,} rows and has others: it is damaged.")

    def _opened(self, texts: list[str]) -> Any:
        # Without pre_buffer a row group of any size is read page by page. A text that many rows share is kept once.
        return self._parquet.ParquetFile(
            self._bytes,
            pre_buffer=False,
            buffer_size=_READ_AHEAD_BYTES,
            page_checksum_verification=True,
            thrift_string_size_limit=_FOOTER_BYTES,
            read_dictionary=texts,
        )

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except MemoryError as error:
            said = str(error).partition("\n")[0]
            raise InvalidParameter(
                f"{self.file} takes too much memory to read: {said}. If it is a good file, write it again in smaller "
                f"pages and row groups."
            ) from error
        except (self._arrow.ArrowException, OSError, ValueError, KeyError) as error:
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
