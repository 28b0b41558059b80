"""`regard index`: a folder of pictures into a collection."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from regard.commands import context, enrolment, external_ids, terminal
from regard.commands.collection_names import checked
from regard.commands.enrolment_progress import Pace, forecast, spread, watched
from regard.commands.folder_report import Report
from regard.commands.terminal import Home
from regard.config.settings import Settings
from regard.domain.galleries import Collection
from regard.engine.analysis.face_analyzer import MOST_FACES
from regard.engine.analysis.photo_batches import Bounds
from regard.engine.bulk.folder_indexing import BATCH, FolderIndexer, Namer, Photo, walk
from regard.engine.galleries.gallery import Gallery
from regard.engine.work.worker_pool import WorkerPool
from regard.errors import ResourceAlreadyExists, ResourceNotFound

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

#: Batches of the sample for each worker: the time of one says little.
_SAMPLED = 3


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
    batch: Annotated[int, typer.Option(min=1, max=256, help="ImageLoader in one transaction.")] = BATCH,
    processes: Annotated[int | None, typer.Option(min=1, max=1024, help="Processes that share the work.")] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="auto|HOST:PORT", help="Work on the machines of this Ray cluster.")
    ] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Say how long it would take; store nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write what became of every file to this CSV file.")] = None,
    home: Home = None,
) -> None:
    """Enrol the faces of a folder of pictures in a collection.

    Stop it with Ctrl-C whenever you like: the same command goes on where it was. A file that was done before is not
    read again unless it has changed. Hidden files are left out.

    Example: [bold]regard index ~/ImageLoader --collection people --external-id folder[/]
    """
    checked(collection)
    namer = external_ids.namer(external_id, folder)
    with terminal.err().status("Walking the folder"):
        photos, unlisted = walk(folder)
    bounds = Bounds(level=quality_filter.value, most=max_faces)
    job = _Job(context.settings(home), collection, photos, namer, bounds, batch, processes, ray)
    if estimate:
        _estimate(job)
        return
    told = Report(report)
    told.add(unlisted)
    _run(job, told)


@dataclass(frozen=True, slots=True)
class _Job:
    """What the options come to."""

    settings: Settings
    collection: str
    photos: list[Photo]
    namer: Namer
    bounds: Bounds
    batch: int
    processes: int | None
    ray: str | None

    def worker_pool(self, left: int) -> AbstractContextManager[WorkerPool]:
        """Who does it, where so many photographs are left."""
        if self.ray:
            return enrolment.ray_workforce(self.settings, self.bounds, self.ray, self.processes)
        processes = self.processes or enrolment.processes_for(self.settings, left)
        return enrolment.worker_pool(self.settings, self.bounds, processes)

    def sample(self, left: list[Photo], worker_pool: WorkerPool) -> tuple[list[Photo], list[Photo]]:
        """Photographs whose time foretells that of the others, and the others."""
        return spread(left, _SAMPLED * self.batch * worker_pool.count)


def _run(job: _Job, told: Report) -> None:
    context.fetch_models(job.settings)
    with enrolment.register(job.settings) as register:
        target = _find_or_make(register.gallery, job.collection)
        indexer = FolderIndexer(register.gallery, register.sources, job.batch)
        left = indexer.left(target, job.photos)
        try:
            if left:
                _index(job, indexer, target, left, told)
        except KeyboardInterrupt:
            terminal.note("Stopped; nothing is lost. The same command goes on from here.")
            raise
        finally:
            told.close()
            told.tell(len(job.photos) - len(left))
        context.bring_on(job.settings, register.database, target)
        size = register.gallery.size(target)
        terminal.say(f"The collection {target.id} holds {size:,} faces.")


def _index(job: _Job, indexer: FolderIndexer, target: Collection, left: list[Photo], told: Report) -> None:
    with job.worker_pool(len(left)) as worker_pool, watched(len(left)) as watch:
        sample, others = job.sample(left, worker_pool)
        pace, done = Pace(), 0
        for outcomes in indexer.run(worker_pool, target, [*sample, *others], job.namer):
            told.add(outcomes)
            watch.add(len(outcomes), told.faces)
            pace.add(len(outcomes))
            done += len(outcomes)
            if done == len(sample):
                watch.say(forecast(len(left), len(job.photos), pace.rate, worker_pool.name))


def _estimate(job: _Job) -> None:
    context.fetch_models(job.settings)
    with enrolment.register(job.settings) as register:
        indexer = FolderIndexer(register.gallery, register.sources, job.batch)
        target = _found(register.gallery, job.collection)
        left = indexer.left(target, job.photos) if target else job.photos
        if not left:
            terminal.say("No photographs are left to index.")
            return
        with job.worker_pool(len(left)) as worker_pool:
            sample = job.sample(left, worker_pool)[0] or left
            pace = Pace()
            with watched(len(sample)) as watch:
                for batch, _ in indexer.examined(worker_pool, sample, job.namer):
                    pace.add(len(batch))
                    watch.add(len(batch), 0)
        terminal.say(forecast(len(left), len(job.photos), pace.rate, worker_pool.name))


def _found(gallery: Gallery, name: str) -> Collection | None:
    try:
        return gallery.get(name)
    except ResourceNotFound:
        return None


def _find_or_make(gallery: Gallery, name: str) -> Collection:
    if there := _found(gallery, name):
        return there
    try:
        made = gallery.create(name, {})
    except ResourceAlreadyExists:  # somebody else was quicker
        return gallery.get(name)
    terminal.note(f"Made the collection {name}.")
    return made
