"""`regard index`: enrol a folder of pictures in a collection."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from regard.accountability.enrolment_terms import Basis
from regard.accountability.gate import Grant
from regard.accountability.sealed_pictures import keeps_pictures
from regard.bootstrap.models import with_face_model
from regard.bootstrap.register import open_register
from regard.bootstrap.worker import cluster_pool, local_pool, processes_for
from regard.commands import context, external_ids, terminal
from regard.commands.acts import granted
from regard.commands.collection_names import checked
from regard.commands.enrolment_basis import BasisOption, SourceOption, basis_of
from regard.commands.enrolment_progress import Pace, forecast, spread, watched
from regard.commands.folder_report import Report
from regard.commands.interrupts import between_steps
from regard.commands.terminal import Authorisation, Home
from regard.config.settings import Settings
from regard.domain.faces import QualityLevel
from regard.domain.galleries import Collection
from regard.engine.analysis.face_analyzer import MOST_FACES
from regard.engine.analysis.photo_batches import Bounds
from regard.engine.bulk.folder_indexing import BATCH_PHOTOS, FolderIndexing, Namer, PhotoPool, PhotoWork
from regard.engine.bulk.folder_walk import Outcome, Photo, walk

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

#: Batches of the sample for each worker: one alone is too short to measure.
_SAMPLED = 3


@app.command()
def index(  # noqa: PLR0913 - the options of a command
    folder: Annotated[Path, typer.Argument(help="Where the pictures are, in it and below it.")],
    *,
    collection: Annotated[str, typer.Option(help="The collection to enrol in; created if it does not exist.")],
    external_id: Annotated[
        str,
        typer.Option(
            metavar="filename|folder|none|CSV",
            help="The external id of a picture's faces: its file's name, its folder's name, none, or from a CSV file "
            "with the columns path and external_id.",
        ),
    ] = "filename",
    quality_filter: Annotated[
        QualityLevel, typer.Option(help="How good a face must be.", case_sensitive=False)
    ] = QualityLevel.AUTO,
    max_faces: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_FACES,
            help=f"The most faces per picture: {MOST_FACES}, or 1 with --external-id folder, unless given.",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Leave out files and folders with such a name or path; may be repeated."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Pictures in one transaction.")] = BATCH_PHOTOS,
    processes: Annotated[int | None, typer.Option(min=1, max=1024, help="Processes that share the work.")] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="auto|HOST:PORT", help="Work on the machines of this Ray cluster.")
    ] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Estimate the time needed; store nothing.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the outcome of every file to this CSV file.")] = None,
    basis: BasisOption = None,
    source: SourceOption = None,
    authorisation: Authorisation = None,
    home: Home = None,
) -> None:
    """Enrol the faces of a folder of pictures in a collection.

    Stop it with Ctrl-C whenever you like: the same command resumes where it stopped. A file that was done before is
    not read again unless it has changed. JPEG, PNG, WebP, AVIF and TIFF are read, and HEIC with the extra
    [bold]regard\\[heic][/]; what is passed over is told at the end.

    Example: [bold]regard index ~/Pictures --collection people --external-id folder[/]
    """
    checked(collection)
    photos, passed_over, namer = _found(folder, exclude or [], external_id)
    bounds = Bounds(level=quality_filter.value, most=max_faces or external_ids.most_faces(external_id))
    reason = basis_of(basis, source)
    job = _Job(context.settings(home), collection, photos, namer, bounds, batch, processes, ray, reason, authorisation)
    if estimate:
        with _granted(job) as grant:
            _estimate(job, grant)
        return
    with _granted(job) as grant, closing(Report(report, one_person=external_ids.is_a_person(external_id))) as told:
        told.add(passed_over)
        _run(job, grant, told)


def _found(folder: Path, exclude: list[str], external_id: str) -> tuple[list[Photo], list[Outcome], Namer]:
    """The photographs below the folder, what is passed over, and what names them."""
    with terminal.err().status("Walking the folder"):
        photos, passed_over = walk(folder, exclude)
    namer = external_ids.namer(external_id, folder, photos)
    for names in external_ids.look_alikes(external_id, photos):
        alike = " and ".join(map(ascii, names))
        terminal.note(f"The folders {alike} look the same (accents can be written in two ways) and get the same id.")
    if loose := external_ids.loose(external_id, folder, photos):
        where = terminal.readable(folder.resolve().name)
        terminal.note(f"{loose:,} pictures are in no folder of their own, and get the name of the whole: {where}.")
    return photos, passed_over, namer


@dataclass(frozen=True, slots=True)
class _Job:
    """What the options ask for."""

    settings: Settings
    collection: str
    photos: list[Photo]
    namer: Namer
    bounds: Bounds
    batch: int
    processes: int | None
    ray: str | None
    basis: Basis | None
    authorisation: str | None

    def worker_pool(self, left: int) -> AbstractContextManager[PhotoPool]:
        """The workers to use if this many photographs are left."""
        if self.ray:
            return cluster_pool(self.settings, self.bounds, self.ray, self.processes)
        processes = self.processes or processes_for(self.settings, left)
        return local_pool(self.settings, self.bounds, processes)

    def work(self, photos: list[Photo], worker_pool: PhotoPool) -> PhotoWork:
        return PhotoWork(photos=photos, namer=self.namer, pool=worker_pool, batch=self.batch, basis=self.basis)

    def sample(self, left: list[Photo], worker_pool: PhotoPool) -> tuple[list[Photo], list[Photo]]:
        """A sample of photographs to estimate the time from, and the others."""
        return spread(left, _SAMPLED * self.batch * worker_pool.count)


def _run(job: _Job, grant: Grant, told: Report) -> None:
    with open_register(job.settings) as register:
        folders = register.folders
        folders.check_basis(grant, job.collection, job.basis)
        there = folders.collection(grant, job.collection)
        portraits = grant.reviewed if there is None else keeps_pictures(grant, there)
        job = replace(job, bounds=replace(job.bounds, portraits=portraits))
        job = _of_its_model(job, there)
        target, is_new = (there, False) if there else folders.find_or_create(grant, job.collection)
        if is_new:
            terminal.note(f"Created the collection {target.id}.")
        left = folders.left(grant, target, job.photos)
        try:
            if left:
                _index(job, folders, grant, target, left, told)
        except KeyboardInterrupt:
            terminal.note("Stopped; nothing is lost. Run the same command to resume.")
            raise
        finally:
            told.close()
            told.tell(len(job.photos) - len(left))
        context.bring_on(register, grant, target)
        terminal.say(f"The collection {target.id} holds {folders.size(grant, target):,} faces.")


def _index(
    job: _Job, folders: FolderIndexing, grant: Grant, target: Collection, left: list[Photo], told: Report
) -> None:
    with job.worker_pool(len(left)) as worker_pool, watched(len(left)) as watch, between_steps() as stop_here:
        sample, others = job.sample(left, worker_pool)
        pace, done = Pace(), 0
        for outcomes in folders.run(grant, target, job.work([*sample, *others], worker_pool)):
            told.add(outcomes)
            watch.add(len(outcomes), told.faces)
            pace.add(len(outcomes))
            done += len(outcomes)
            if done == len(sample):
                watch.say(forecast(len(left), len(job.photos), pace.rate, worker_pool.name))
            stop_here()


def _estimate(job: _Job, grant: Grant) -> None:
    with open_register(job.settings) as register:
        folders = register.folders
        folders.check_basis(grant, job.collection, job.basis)
        target = folders.collection(grant, job.collection)
        job = _of_its_model(job, target)
        left = folders.left(grant, target, job.photos) if target else job.photos
        if not left:
            terminal.say("No photographs are left to index.")
            return
        with job.worker_pool(len(left)) as worker_pool:
            sample = job.sample(left, worker_pool)[0] or left
            pace = Pace()
            with watched(len(sample)) as watch:
                for batch, _ in folders.analyses(grant, job.work(sample, worker_pool), target):
                    pace.add(len(batch))
                    watch.add(len(batch), 0)
        terminal.say(forecast(len(left), len(job.photos), pace.rate, worker_pool.name))


def _of_its_model(job: _Job, collection: Collection | None) -> _Job:
    """The job with the face model of the collection, or with the default one for a new collection; fetched."""
    chosen = job.settings if collection is None else with_face_model(job.settings, collection.face_model)
    context.fetch_models(chosen)
    return replace(job, settings=chosen)


def _granted(job: _Job) -> AbstractContextManager[Grant]:
    return granted(
        job.settings,
        "index",
        collection=job.collection,
        count=job.bounds.most,
        authorisation=job.authorisation,
    )
