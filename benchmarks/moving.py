"""How fast faces come in and go out by file: `make bench-moving`.

FACES embeddings of 512 numbers, drawn at random, as a plain Parquet file of float32; imported into SQLite with
synchronous = FULL, exported, and the export imported under another name. An import's time includes the check of the
whole file before; `add` is the share that stores. Best and median of ROUNDS, each with a database of its own. CPU
seconds, of user and system, say more than the rates where others use the machine too.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from regard.engine.transfer import collection_export
from regard.engine.transfer.collection_export import Archive
from regard.engine.transfer.collection_import import Importer, Source, Target
from regard.engine.transfer.embeddings_file import EmbeddingsFile
from regard.media.parquet import ParquetTable
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.transfer_rows import TransferRows

FACES, DIMENSION, ROUNDS = 300_000, 512, 3
NOW = datetime(2026, 1, 1, tzinfo=UTC)
console = Console(width=120)


def plain(file: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal(FACES * DIMENSION, np.float32)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors), DIMENSION)
    names = [f"photo-{row}.jpg" for row in range(FACES)]
    pq.write_table(pa.table({"embedding": lists, "external_image_id": names}), file, use_dictionary=False)


@dataclass(frozen=True)
class Moment:
    """Seconds of the clock and of all processors, since whenever."""

    wall: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=time.process_time)

    def __sub__(self, before: Moment) -> Moment:
        return Moment(self.wall - before.wall, self.cpu - before.cpu)


class Clock:
    """When the work that is reported began to store."""

    def __init__(self) -> None:
        self.checked = Moment()

    def __call__(self, description: str, done: int, total: int | None) -> None:  # noqa: ARG002
        if description.startswith("Checking"):
            self.checked = Moment()


def imported(opened: database.Database, source: Source, name: str) -> tuple[Moment, Moment]:
    """What the whole import took, and its second half."""
    clock, began = Clock(), Moment()
    importer = Importer(CollectionRows(opened), TransferRows(opened))
    assert importer.run(source, Target(name=name, created_at=NOW), clock).stored == FACES
    ended = Moment()
    return ended - began, ended - clock.checked


def one_round(folder: Path, file: Path, times: dict[str, list[Moment]]) -> None:
    exported = folder / "export.parquet"
    with closing(database.open(f"sqlite:///{folder / 'regard.db'}")) as opened:
        with closing(ParquetTable(file)) as table:
            whole, add = imported(opened, EmbeddingsFile(table, "toy-1", DIMENSION, NOW), "plain")
        times["import of embeddings"].append(whole)
        times["  of which add"].append(add)
        times["export"].append(
            timed(lambda: collection_export.export(TransferRows(opened), "plain", exported, Clock()))
        )
        with closing(ParquetTable(exported)) as table:
            whole, add = imported(opened, Archive(table), "copy")
        times["import of an export"].append(whole)
        times["  of which add, too"].append(add)


def timed(work: Callable[[], object]) -> Moment:
    began = Moment()
    work()
    return Moment() - began


def main() -> None:
    names = ("import of embeddings", "  of which add", "export", "import of an export", "  of which add, too")
    times: dict[str, list[Moment]] = {name: [] for name in names}
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
    for column in ("", "faces/s, best", "faces/s, median", "s, median", "CPU s for 100,000"):
        table.add_column(column, justify="right" if column else "left")
    for name, took in times.items():
        seconds = [each.wall for each in took]
        rates = [f"{FACES / value:,.0f}" for value in (min(seconds), median(seconds))]
        cpu = median(each.cpu for each in took) * 100_000 / FACES
        table.add_row(name, *rates, f"{median(seconds):.1f}", f"{cpu:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
