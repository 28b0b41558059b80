"""How fast faces come in and go out by file: `make bench-moving`.

Embeddings of 512 numbers, drawn at random, as a plain Parquet file of float32; imported into SQLite with
synchronous = FULL, exported, and the export imported under another name. An import's time includes the check of the
whole file before; `add` is the share that stores. Best and median of some rounds, each with a database of its own. CPU
seconds, of user and system, say more than the rates where others use the machine too.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
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

from regard.bootstrap.register import Register, open_register
from regard.commands.acts import granted
from regard.config.settings import load_settings
from regard.engine.transfer.archive import Archive
from regard.engine.transfer.collection_import import Source, Target
from regard.engine.transfer.embeddings_file import EmbeddingsFile
from regard.engine.transfer.rehearsal import rehearse
from regard.media.parquet import ParquetTable

DIMENSION = 512
NOW = datetime(2026, 1, 1, tzinfo=UTC)
console = Console(width=120)


def plain(file: Path, faces: int) -> None:
    vectors = np.random.default_rng(0).standard_normal(faces * DIMENSION, np.float32)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors), DIMENSION)
    names = [f"photo-{row}.jpg" for row in range(faces)]
    pq.write_table(pa.table({"embedding": lists, "external_image_id": names}), file, use_dictionary=False)


@dataclass(frozen=True)
class Moment:
    """Seconds of the clock and of all processors, since whenever, of this process and of those that it ended."""

    wall: float = field(default_factory=time.perf_counter)
    cpu: float = field(default_factory=lambda: sum(os.times()[:4]))

    def __sub__(self, before: Moment) -> Moment:
        return Moment(self.wall - before.wall, self.cpu - before.cpu)


class Clock:
    """When the work that is reported began to store."""

    def __init__(self) -> None:
        self.checked = Moment()

    def __call__(self, description: str, done: int, total: int | None) -> None:  # noqa: ARG002
        if description.startswith("Checking"):
            self.checked = Moment()


def imported(register: Register, source: Source, name: str) -> tuple[Moment, Moment]:
    """What the whole import took, and its second half."""
    clock, began = Clock(), Moment()
    with granted(register.settings, "collections import", collection=name) as grant:
        done = register.imports.run(grant, source, Target(name=name, created_at=NOW), clock)
    ended = Moment()
    assert done.stored == source.rows
    return ended - began, ended - clock.checked


def exported(register: Register, name: str, file: Path) -> Moment:
    """What it took."""
    began = Moment()
    with granted(register.settings, "collections export", collection=name) as grant:
        register.exports.export(grant, name, file, Clock())
    return Moment() - began


def rehearsed(file: Path) -> Moment:
    """What the command does first, in a process of its own."""
    began = Moment()
    rehearse(file, Clock())
    return Moment() - began


def one_round(home: Path, file: Path, times: dict[str, list[Moment]]) -> None:
    archive = home / "export.parquet"
    times["rehearsal"].append(rehearsed(file))
    with open_register(load_settings({}, home=home)) as register:
        with closing(ParquetTable(file)) as table:
            whole, add = imported(register, EmbeddingsFile(table, "toy-1", DIMENSION, NOW), "plain")
        times["import of embeddings"].append(whole)
        times["  of which add"].append(add)
        times["export"].append(exported(register, "plain", archive))
        with closing(ParquetTable(archive)) as table:
            whole, add = imported(register, Archive(table), "copy")
        times["import of an export"].append(whole)
        times["  of which add, too"].append(add)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    names = (
        "rehearsal",
        "import of embeddings",
        "  of which add",
        "export",
        "import of an export",
        "  of which add, too",
    )
    times: dict[str, list[Moment]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "plain.parquet"
        plain(file, given.faces)
        for _ in range(given.rounds):
            with tempfile.TemporaryDirectory(dir=place) as home:
                one_round(Path(home), file, times)
    table = Table(title=f"{given.faces:,} faces of {DIMENSION} dimensions, {given.rounds} rounds")
    for column in ("", "faces/s, best", "faces/s, median", "s, median", "CPU s for 100,000"):
        table.add_column(column, justify="right" if column else "left")
    for name, took in times.items():
        seconds = [each.wall for each in took]
        rates = [f"{given.faces / value:,.0f}" for value in (min(seconds), median(seconds))]
        cpu = median(each.cpu for each in took) * 100_000 / given.faces
        table.add_row(name, *rates, f"{median(seconds):.1f}", f"{cpu:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
