"""What every command prints with: consoles, bars, tables, JSON."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from regard.commands.tables import Table
from regard.domain.reporting import Progress
from regard.domain.words import escaped, harmless

Home = Annotated[
    Path | None,
    typer.Option(help="Where Regard keeps its data: $REGARD_HOME, or ~/.local/share/regard, unless given."),
]
Authorisation = Annotated[
    str | None,
    typer.Option(
        "--authorisation", metavar="ID", envvar="REGARD_AUTHORISATION", help="The authorisation you act under."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

#: The width of output to a file or a pipe, which has none of its own unless COLUMNS says so: no table is cut for it.
_PAPER = 1_000
#: Seconds that a task may take before a line is printed where no bar can be drawn.
_PROGRESS_DELAY_SECONDS = 1.0


class HarmlessConsole(Console):
    """Prints no character of a string that would steer the terminal; `Table` does so with its cells."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(harmless(text), **how)


def out() -> Console:
    """Results, on standard output."""
    return HarmlessConsole(width=_width(sys.stdout), highlight=False)


def err() -> Console:
    """Progress and errors, on standard error."""
    return HarmlessConsole(stderr=True, width=_width(sys.stderr), highlight=False)


def _width(stream: TextIO) -> int | None:
    """None for a terminal, which Rich asks itself."""
    return None if stream.isatty() else shutil.get_terminal_size((_PAPER, 0)).columns


def fail(message: str) -> None:
    err().print(f"[bold red]Error:[/] {escape(message)}", style="red", soft_wrap=True)


def warn(message: str) -> None:
    """A line of the results that calls for attention."""
    out().print(escape(message), style="yellow", soft_wrap=True)


def note(message: str) -> None:
    """A line about what is going on; standard output is for results."""
    err().print(escape(message), style="dim", soft_wrap=True)


def say(text: str) -> None:
    """Print a line of text, without what would steer the terminal, and flush it."""
    typer.echo(harmless(text))
    sys.stdout.flush()


def say_json(value: Any) -> None:
    say(escaped(json.dumps(value, ensure_ascii=False, default=str)))


def table(*columns: str, title: str | None = None, each: str = "", header: bool = True) -> Table:
    """A table to print; `TableColumn.parse` says what may stand before a column's name."""
    return Table(*columns, title=title, each=each, header=header)


def readable(path: str | Path) -> str:
    """A path for people; a name that is not UTF-8 loses what cannot be shown."""
    return os.fsencode(path).decode("utf-8", "replace")


def percent(value: float) -> str:
    """Rounded down: 99.997 is not 100."""
    return f"{math.floor(value * 100 + 1e-6) / 100:.2f}"


def size_of(count: int | None) -> str:
    if count is None:
        return "size not known"
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count} bytes"


# -- progress ----------------------------------------------------------------------------------------------------


@contextmanager
def progress(*, in_bytes: bool = False) -> Iterator[Progress]:
    """Shows the progress of long tasks: a bar for each description, removed at the end; without a terminal, lines."""
    console = err()
    if not console.is_terminal:
        yield _Lines(in_bytes)
        return
    amount = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), amount]
    with Bars(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        yield _Tasks(bars)


class _Lines:
    def __init__(self, in_bytes: bool) -> None:
        self._in_bytes = in_bytes
        self._began = time.monotonic()
        self._said: set[str] = set()

    def __call__(self, description: str, done: int, total: int | None) -> None:  # noqa: ARG002
        if description not in self._said and time.monotonic() - self._began > _PROGRESS_DELAY_SECONDS:
            self._said.add(description)
            amount = "" if total is None else f" ({size_of(total) if self._in_bytes else f'{total:,}'})"
            note(f"{description}{amount}")


class _Tasks:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._passing: str | None = None

    def __call__(self, description: str, done: int, total: int | None) -> None:
        if total == 0:
            return
        description = harmless(description)
        if description not in self._tasks:
            if self._passing:  # a task without a total ends when the next one begins
                self._bars.remove_task(self._tasks.pop(self._passing))
            self._passing = description if total is None else None
            self._tasks[description] = self._bars.add_task(description, total=total)
        self._bars.update(self._tasks[description], completed=done, total=total)


class Rate(ProgressColumn):
    """Images a second."""

    def __init__(self) -> None:
        super().__init__(Column(no_wrap=True))

    def render(self, task: Any) -> str:
        speed = task.finished_speed or task.speed
        return f"{speed:.1f} images/s" if speed else "– images/s"
