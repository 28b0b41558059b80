"""Benchmarks in parts: each is measured by itself, kept, and printed with the others.

python -m benchmarks.video              what is not kept yet, then all tables
python -m benchmarks.video cuts memory  these only
… --again                               measured once more; --results FOLDER keeps elsewhere
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import markdown
from benchmarks.material import ROOT
from benchmarks.served import processor
from regard.files import replace_file

#: What was measured; `make clean` deletes it.
RESULTS = ROOT / ".cache" / "benchmarks"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Rows of a table; parts that measure for one table give it the same title. `notes` stand below it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


Parts = Mapping[str, Callable[[], Measured]]


def main(name: str, parts: Parts, description: str | None) -> None:
    """Measure what the command line names and is not kept, and print all that it names."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(parts))
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder of what is kept")
    parser.add_argument("--again", action="store_true", help="measure what is kept, too")
    chosen = parser.parse_args()
    if unknown := [each for each in chosen.parts if each not in parts]:
        parser.error(f"There is no part {unknown[0]}; there are {', '.join(parts)}.")
    wanted = chosen.parts or list(parts)
    show([measured(parts[part], chosen.results / name / f"{part}.json", again=chosen.again) for part in wanted])


def measured(part: Callable[[], Measured], kept: Path, *, again: bool) -> dict[str, Any]:
    """What is kept of a part, which is measured if there is nothing."""
    if again or not kept.exists():
        console, start = Console(stderr=True), time.monotonic()
        with console.status(f"Measuring {kept.stem} …"):
            found = part()
        seconds = time.monotonic() - start
        console.print(f"{kept.stem}: {seconds:.0f} s")
        kept.parent.mkdir(parents=True, exist_ok=True)
        said = {"processor": processor(), "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "seconds": round(seconds)}
        with replace_file(kept) as stream:
            stream.write(json.dumps(said | asdict(found), indent=1).encode())
    result: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return result


def show(found: Sequence[Mapping[str, Any]]) -> None:
    """Print one table for each title, and on what and when it was measured."""
    titles: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for each in found:
        titles.setdefault((each["title"], *each["columns"]), []).append(each)
    for (title, *columns), those in titles.items():
        machines = sorted({f"{each['processor']}, {each['at']}" for each in those})
        markdown.table(f"{title} ({'; '.join(machines)})", columns, [row for each in those for row in each["rows"]])
        for note in (note for each in those for note in each["notes"]):
            markdown.bullet(note)
