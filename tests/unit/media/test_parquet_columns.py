"""Columns of a file of others: what is not of the kind that is due is refused with its row, and nothing is unpacked."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regard.errors import InvalidParameter
from regard.media.parquet import ParquetTable
from regard.media.parquet_columns import Kind


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "column.parquet"


def read(file: Path, kind: Kind, size: int = 4) -> list[Any]:
    table = ParquetTable(file)
    try:
        return [columns["x"] for columns in table.batches({"x": kind}, size)]
    finally:
        table.close()


def write(file: Path, values: Any, **options: Any) -> None:
    pq.write_table(pa.table({"x": values}), file, **options)


SHARED = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 1, 0, 0], pa.int8()), pa.array(["a", "b"]))


@pytest.mark.parametrize(
    ("kind", "values", "found"),
    [
        (Kind.TEXT, pa.array(["a", None, "é"]), ["a", None, "é"]),
        (Kind.TEXT, pa.array(["a", None], pa.large_string()), ["a", None]),
        (Kind.TEXT, pa.array([b"a", None]), ["a", None]),
        (Kind.TEXT, SHARED, ["a", "b", None, "b", "a", "a"]),
        (Kind.TEXT, pa.nulls(3), [None, None, None]),
        (Kind.REAL, pa.array([1, 2], pa.int32()), [1.0, 2.0]),
        (Kind.REAL, pa.array([0.5], pa.float32()), [0.5]),
        (Kind.INSTANT, pa.array([7, None], pa.timestamp("us", "UTC")), [7, None]),
        (Kind.INSTANT, pa.array([7], pa.timestamp("ms")), [7000]),
        (Kind.INSTANT, pa.nulls(2), [None, None]),
    ],
)
def test_a_column_of_its_kind_is_read_whatever_its_type(file: Path, kind: Kind, values: Any, found: list[Any]) -> None:
    write(file, values)
    assert [each for piece in read(file, kind) for each in piece] == found


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (Kind.TEXT, pa.array([1, 2]), "x holds int64, not text"),
        (Kind.TEXT, pa.array([["a"]]), "x holds list<"),
        (Kind.TEXT, pa.array([b"\xff"]), "rows 1 to 1: x cannot be read"),
        (Kind.TEXT, pa.array(["a"] * 5 + ["b" * 1025]), "row 6: x has 1,025 bytes; at most 1,024 are read"),
        (Kind.REAL, pa.array(["0.5"]), "x holds string, not numbers"),
        (Kind.REAL, pa.array([True]), "x holds bool, not numbers"),
        (Kind.REAL, pa.array([1.0] * 5 + [None]), "row 6: x is missing"),
        (Kind.REAL, pa.nulls(2), "row 1: x is missing"),
        (Kind.REAL, pa.array([{"a": 1.0}]), "x holds struct<a: double>, not numbers"),
        (Kind.INSTANT, pa.array(["2026-03-01"]), "x holds string, not times"),
        (Kind.INSTANT, pa.array([0]), "x holds int64, not times"),
        (Kind.INSTANT, pa.array([0, 1 << 54], pa.timestamp("ms")), "rows 1 to 2: x cannot be read"),
        (Kind.VECTOR, pa.array([[1, 2]]), "x holds list<.*not lists of floating-point numbers"),
        (Kind.VECTOR, pa.array([[[1.0]]]), "x holds list<.*not lists of floating-point numbers"),
        (Kind.VECTOR, pa.array([[]], pa.list_(pa.float32())), "row 1: x has 0 numbers; 1 to 4,096 are read"),
        (Kind.VECTOR, pa.array([[0.0] * 4097]), "row 1: x has 4,097 numbers"),
        (Kind.VECTOR, pa.array([[1.0]] * 5 + [[1.0, 2.0]]), "row 6: x has 2 numbers, those before it 1"),
        (Kind.VECTOR, pa.array([[1.0]] * 5 + [None]), "row 6: x is missing"),
        (Kind.VECTOR, pa.array([[1.0]] * 5 + [[None]]), "row 6: a number of x is missing"),
        (Kind.VECTOR, pa.nulls(2), "not lists of floating-point numbers"),
    ],
)
def test_any_other_is_refused_with_its_row(file: Path, kind: Kind, values: Any, said: str) -> None:
    write(file, values)
    with pytest.raises(InvalidParameter, match=said):
        read(file, kind, 6)


@pytest.mark.parametrize("keep_types", [True, False])
def test_a_long_text_that_many_rows_share_is_refused_before_it_is_unpacked(file: Path, keep_types: bool) -> None:
    shared = pa.DictionaryArray.from_arrays(
        np.array([0] * 9 + [1] * 100_000, np.int32), pa.array(["a", "b" * 5_000_000])
    )
    write(file, shared, dictionary_pagesize_limit=1 << 30, store_schema=keep_types, compression="zstd")
    assert file.stat().st_size < 10_000
    with pytest.raises(InvalidParameter, match="row 10: x has 5,000,000 bytes; at most 1,024 are read"):
        read(file, Kind.TEXT, 100_000)  # 500 GB


def test_a_column_that_is_there_twice_is_refused(file: Path) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([1.0])] * 2, ["x", "x"]), file)
    with pytest.raises(InvalidParameter, match="has the column 'x' more than once"):
        read(file, Kind.REAL)


def test_a_file_that_unpacks_to_far_more_than_itself_is_refused_when_it_has_done_harm_enough(file: Path) -> None:
    rows, piece = 4_000_000, 100_000
    write(file, pa.FixedSizeListArray.from_arrays(np.ones(rows * 2, np.float32), 2), compression="zstd")
    assert file.stat().st_size < rows
    read_rows: list[int] = []
    table = ParquetTable(file)
    pieces = (len(columns["x"]) for columns in table.batches({"x": Kind.VECTOR}, piece))
    with pytest.raises(InvalidParameter, match="unpacks to more than 200 times its size"):
        deque(map(read_rows.append, pieces), 0)
    table.close()
    assert piece < sum(read_rows) < rows


def test_a_file_that_states_more_rows_than_it_has_is_damaged(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, pa.array([1.0] * 10))
    for stated in (9, 11):
        table = ParquetTable(file)
        monkeypatch.setattr(table, "rows", stated)
        with pytest.raises(InvalidParameter, match=f"states {stated} rows and has others"):
            list(table.batches({"x": Kind.REAL}, 4))
        table.close()
