"""`regard index`: a folder of pictures into a collection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from regard.commands import external_ids, opening, terminal
from regard.commands.collection_names import checked
from regard.commands.folder_report import Report
from regard.commands.terminal import Home
from regard.domain import Collection
from regard.engine.analyzer import MOST_FACES
from regard.engine.folders import BATCH, FolderIndexer, Options, walk
from regard.engine.gallery import Gallery
from regard.errors import ResourceAlreadyExists, ResourceNotFound

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

#: Seconds between two lines where no bar can be drawn.
_PAUSE = 10.0


class Level(StrEnum):
    """The levels of engine.quality_filter."""

    NONE = "NONE"
    AUTO = "AUTO"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


@app.command()
def index(  # noqa: PLR0913 - the options of a command
    folder: Annotated[Path, typer.Argument(help="Where the pictures are: every .jpg, .jpeg and .png below it.")],
    *,
    collection: Annotated[str, typer.Option(help="The collection to enrol in; made if there is none.")],
    external_id: Annotated[
        str,
        typer.Option(
            metavar="filename|folder|none|CSV",
            help="How a picture's faces are called: by its file, its folder, not at all, or by a CSV file with the "
            "columns path and external_id.",
        ),
    ] = "filename",
    quality_filter: Annotated[Level, typer.Option(help="How good a face must be.", case_sensitive=False)] = Level.AUTO,
    max_faces: Annotated[int, typer.Option(min=1, max=MOST_FACES, help="Enrol the largest of a picture.")] = MOST_FACES,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Pictures in one transaction.")] = BATCH,
    report: Annotated[Path | None, typer.Option(help="Write what became of every file to this CSV file.")] = None,
    home: Home = None,
) -> None:
    """Enrol the faces of a folder of pictures in a collection.

    Stop it with Ctrl-C whenever you like: the same command goes on where it was. A file that was done before is not
    read again unless it has changed. Hidden files are left out.

    Example: [bold]regard index ~/Pictures --collection people --external-id folder[/]
    """
    checked(collection)
    namer = external_ids.namer(external_id, folder)
    with terminal.err().status("Walking the folder"):
        photos, unlisted = walk(folder)
    told = Report(report)
    options = Options(level=quality_filter.value, most=max_faces, batch=batch)
    with opening.engine(opening.settings(home)) as regard:
        target = _find_or_make(regard.services.gallery, collection)
        indexer = FolderIndexer(regard.services.indexer, regard.sources, options)
        left = indexer.left(target, photos)
        try:
            told.add(unlisted)
            with _watched(len(left)) as watch:
                for outcomes in indexer.run(target, left, namer):
                    told.add(outcomes)
                    watch(len(outcomes), told.faces)
        except KeyboardInterrupt:
            terminal.note("Stopped; nothing is lost. The same command goes on from here.")
            raise
        finally:
            told.close()
            told.tell(len(photos) - len(left))
        size = regard.services.gallery.size(target)
        terminal.say(f"The collection {target.id} holds {size:,} faces.")


def _find_or_make(gallery: Gallery, name: str) -> Collection:
    try:
        return gallery.get(name)
    except ResourceNotFound:
        pass
    try:
        made = gallery.create(name, {})
    except ResourceAlreadyExists:  # somebody else was quicker
        return gallery.get(name)
    terminal.note(f"Made the collection {name}.")
    return made


class _Watch(Protocol):
    def __call__(self, files: int, faces: int) -> None: ...


@contextmanager
def _watched(total: int) -> Iterator[_Watch]:
    """A bar with rate and time left; where nobody watches, a line now and then."""
    console = terminal.err()
    if not console.is_terminal:
        yield _Lines(total)
        return
    left = TextColumn("{task.fields[faces]:,} faces")
    columns = [SpinnerColumn(), BarColumn(), MofNCompleteColumn(), left, terminal.Rate(), TimeRemainingColumn()]
    with Bars(*columns, console=console, speed_estimate_period=60) as bars:
        task = bars.add_task("", total=total, faces=0)
        yield lambda files, faces: bars.update(task, advance=files, faces=faces)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._began = self._said = time.monotonic()

    def __call__(self, files: int, faces: int) -> None:
        self._done += files
        now = time.monotonic()
        if now - self._said < _PAUSE and self._done < self._total:
            return
        self._said = now
        rate = self._done / max(now - self._began, 1e-9)
        left = (self._total - self._done) / rate
        terminal.note(
            f"{self._done:,} of {self._total:,} files, {faces:,} faces, {rate:.1f} images/s, {left:.0f} s left"
        )
