"""How fast faces come in and go out by file: `make bench-moving`.

FACES embeddings of 512 numbers, drawn at random, as a plain Parquet file of float32; imported into SQLite with
synchronous = FULL, exported, and the export imported under another name. An import's time includes the check of the
whole file before; `add` is the share that stores. Best and median of ROUNDS, each with a database of its own.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from regard.engine import archives
from regard.engine.archives import Archive
from regard.engine.imports import Importer, Source, Target
from regard.engine.precomputed import Precomputed
from regard.media.parquet import ParquetTable
from regard.store import database
from regard.store.archive_rows import ArchiveRows
from regard.store.collection_rows import CollectionRows

FACES, DIMENSION, ROUNDS = 300_000, 512, 3
NOW = datetime(2026, 1, 1, tzinfo=UTC)
console = Console(width=120)


def plain(file: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal(FACES * DIMENSION, np.float32)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors), DIMENSION)
    names = [f"photo-{row}.jpg" for row in range(FACES)]
    pq.write_table(pa.table({"embedding": lists, "external_image_id": names}), file, use_dictionary=False)


class Clock:
    """When the work that is reported began to store."""

    def __init__(self) -> None:
        self.checked = 0.0

    def __call__(self, description: str, done: int, total: int | None) -> None:  # noqa: ARG002
        if description.startswith("Checking"):
            self.checked = time.perf_counter()


def imported(opened: database.Database, source: Source, name: str) -> tuple[float, float]:
    """Seconds of the whole import, and of its second half."""
    clock, began = Clock(), time.perf_counter()
    importer = Importer(CollectionRows(opened), ArchiveRows(opened))
    assert importer.run(source, Target(name=name, created_at=NOW), clock).stored == FACES
    ended = time.perf_counter()
    return ended - began, ended - clock.checked


def one_round(folder: Path, file: Path, times: dict[str, list[float]]) -> None:
    exported = folder / "export.parquet"
    with closing(database.open(f"sqlite:///{folder / 'regard.db'}")) as opened:
        with closing(ParquetTable(file)) as table:
            whole, add = imported(opened, Precomputed(table, "toy-1", DIMENSION, NOW), "plain")
        times["import of embeddings"].append(whole)
        times["  of which add"].append(add)
        times["export"].append(timed(lambda: archives.export(ArchiveRows(opened), "plain", exported, Clock())))
        with closing(ParquetTable(exported)) as table:
            whole, add = imported(opened, Archive(table), "copy")
        times["import of an export"].append(whole)
        times["  of which add, too"].append(add)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    names = ("import of embeddings", "  of which add", "export", "import of an export", "  of which add, too")
    times: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "plain.parquet"
        plain(file)
        for number in range(ROUNDS):
            folder = Path(place) / str(number)
            folder.mkdir()
            one_round(folder, file, times)
            for each in folder.iterdir():
                each.unlink()
    table = Table(title=f"{FACES:,} faces of {DIMENSION} dimensions, {ROUNDS} rounds")
    for column in ("", "faces/s, best", "faces/s, median", "s, median"):
        table.add_column(column, justify="right" if column else "left")
    for name, seconds in times.items():
        rates = [f"{FACES / value:,.0f}" for value in (min(seconds), median(seconds))]
        table.add_row(name, *rates, f"{median(seconds):.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
