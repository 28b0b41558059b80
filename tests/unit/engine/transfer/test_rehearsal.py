"""Files of others are read first where they can do no harm."""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transfer_store import silent, units

from regard.engine.transfer.rehearsal import rehearse
from regard.errors import InvalidParameter

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory")


def test_a_good_file_is_read_to_its_end(file: Path) -> None:
    pq.write_table(pa.table({"embedding": units(5000).tolist(), "other": [{"any": "thing"}] * 5000}), file)
    said: list[tuple[str, int, int | None]] = []
    rehearse(file, lambda *progress: said.append(progress))
    assert said == [("Reading the file", done, 5000) for done in (2048, 4096, 5000)]
    assert active_children() == []


@pytest.mark.slow
def test_what_is_wrong_is_said_as_the_import_would(file: Path) -> None:
    for content in (b"\xff\xd8 a photograph", b"", b"PAR1PAR1"):
        file.write_bytes(content)
        with pytest.raises(InvalidParameter, match=r"people\.parquet is not a Parquet file, or it is damaged"):
            rehearse(file, silent)
    pq.write_table(pa.table({"embedding": [["a"]]}), file)
    with pytest.raises(InvalidParameter, match="embedding holds list"):
        rehearse(file, silent)
    with pytest.raises(FileNotFoundError):
        rehearse(file.with_name("none"), silent)


@only_linux
@pytest.mark.slow
def test_a_row_of_fifty_million_numbers_ends_where_the_memory_does(file: Path) -> None:
    many = 50_000_000
    lists = pa.ListArray.from_arrays(pa.array([0, many], pa.int32()), pa.array(np.ones(many, np.float32)))
    pq.write_table(pa.table({"embedding": lists}), file, compression="zstd")
    assert file.stat().st_size < 1000
    with pytest.raises(InvalidParameter, match=r"too much memory to read|cannot be read in"):
        rehearse(file, silent, memory=256 << 20)


@only_linux
def test_a_process_that_is_ended_while_it_reads_is_a_file_that_cannot_be_read(file: Path) -> None:
    pq.write_table(pa.table({"embedding": units(50_000).tolist()}), file)

    def kill(description: str, done: int, total: int | None) -> None:
        for child in active_children():
            assert child.pid
            os.kill(child.pid, signal.SIGSEGV)

    with pytest.raises(InvalidParameter, match="cannot be read in 1 GB of memory"):
        rehearse(file, kill)
    assert active_children() == []


@pytest.mark.slow
def test_who_stops_leaves_no_process(file: Path) -> None:
    pq.write_table(pa.table({"embedding": units(50_000).tolist()}), file)

    def stop(description: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rehearse(file, stop)
    assert active_children() == []
