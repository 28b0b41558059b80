"""`regard collections remake`: move a collection to another face model, with the pictures at hand."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from regard.accountability.gate import Grant
from regard.bootstrap.models import known_models
from regard.bootstrap.register import Register, open_register
from regard.bootstrap.worker import finder_pool, processes_for
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.terminal import Home
from regard.config.settings import Settings
from regard.domain.galleries import FaceLeft, Remake
from regard.domain.reporting import Progress
from regard.domain.spreadsheets import harmless
from regard.engine.bulk.collection_remake import by_image_id
from regard.engine.bulk.folder_walk import walk
from regard.errors import InvalidParameter

#: Faces not found that are listed; `--report` writes them all.
_LISTED = 20


def remake(  # noqa: PLR0913 - the options of a command
    name: Annotated[str, typer.Argument(help="The collection to remake.", show_default=False)],
    *,
    pictures: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Where the pictures of its faces are, in it and below it; repeatable."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="CARD", help="The face model; that of new collections unless given.")
    ] = None,
    without_missing: Annotated[
        bool, typer.Option("--without-missing", help="Leave out the faces that are not found again.")
    ] = False,
    give_up: Annotated[bool, typer.Option("--give-up", help="Forget what an unfinished remake has done.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the faces not found again to this CSV file.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, max=1024, help="Processes that share the work.")] = None,
    home: Home = None,
) -> None:
    """Move a collection to another face model: find each face again in its picture, and embed it again.

    Ids, external ids, users and tags stay. The collection is searched and added to as before until all is done; then
    the new one takes its place at once. Stop it with Ctrl-C whenever you like: the same command resumes where it
    stopped. Pictures are known by their content, wherever they lie now; those indexed from a folder are looked for
    where they were, too.

    Example: [bold]regard collections remake people --pictures ~/Pictures[/]
    """
    chosen = context.settings(home)
    if model is not None:
        chosen = chosen.with_embedder(model)
    with granted(chosen, "collections remake", collection=name) as grant, open_register(chosen) as register:
        collection = register.galleries.get(grant, name)
        if give_up:
            gave_up = register.remakes.give_up(grant, collection)
            terminal.say(f"Gave up the remake of {name}." if gave_up else f"{name} is not being remade.")
            return
        wanted = known_models(chosen).default
        if collection.face_model == wanted.version:
            terminal.say(f"{name} is of the face model {wanted.version} already.")
            return
        context.fetch_models(chosen)
        with terminal.progress() as told:
            files = _files(pictures or [], told)
        job = _Job(chosen, register, grant, register.remakes.begin(grant, collection, wanted.version), files, processes)
        with _resumable():
            left_out = _carry_on(job, without_missing, report)
        context.bring_on(register, grant, collection)
        register.erase(grant, collection)
        done, _ = register.remakes.progress(grant, job.remake)
    terminal.say(f"{name} is of the face model {wanted.version} now, and holds {done:,} faces.")
    if left_out:
        terminal.note(f"{left_out:,} faces were not found again, and are left out.")


@dataclass
class _Job:
    """What is under way; `missing` says, by face id, why a face was not found."""

    settings: Settings
    register: Register
    grant: Grant
    remake: Remake
    files: Mapping[str, str]
    processes: int | None
    missing: dict[str, tuple[FaceLeft, str]] = field(default_factory=dict)


def _carry_on(job: _Job, without_missing: bool, report: Path | None) -> int:
    """Do all faces, also those enrolled in the meantime, then end the remake; how many were left out."""
    remakes, grant = job.register.remakes, job.grant
    while True:
        _find(job)
        if job.missing and not without_missing:
            _refuse(job, report)
        context.bring_on(job.register, grant, job.remake.source)
        if not remakes.end(grant, job.remake, set(job.missing)):
            _write(job, report)
            return len(job.missing)


def _find(job: _Job) -> None:
    """Try every face that is left and was not tried."""
    remakes, grant = job.register.remakes, job.grant
    for page in remakes.left(grant, job.remake):
        faces = {face.face_id: face for face in page if face.face_id not in job.missing}
        files = {**remakes.known_files(grant, job.remake, faces.values()), **job.files}
        there = [face for face in faces.values() if face.image_id in files]
        for face in faces.values():
            if face.image_id not in files:
                job.missing[face.face_id] = face, "its picture is not in these folders"
        if not there:
            continue
        pictures = len({face.image_id for face in there})
        with (
            finder_pool(job.settings, job.processes or processes_for(job.settings, pictures)) as pool,
            terminal.progress() as told,
        ):
            done, total = remakes.progress(grant, job.remake)
            for found in remakes.run(grant, job.remake, there, files, pool):
                done += len(found.embeddings)
                told(f"Remaking {job.remake.source.id}", done, total)
                job.missing |= {face_id: (faces[face_id], why) for face_id, why in found.missing.items()}


def _refuse(job: _Job, report: Path | None) -> None:
    """Raises InvalidParameter, after listing the faces that are missing."""
    _write(job, report)
    for face, why in list(job.missing.values())[:_LISTED]:
        terminal.note(f"{face.face_id} ({face.external_image_id or 'no external id'}): {why}")
    if len(job.missing) > _LISTED:
        terminal.note(f"... and {len(job.missing) - _LISTED:,} more; --report FILE.csv writes them all")
    raise InvalidParameter(
        f"{len(job.missing):,} faces of {job.remake.source.id} were not found again, so it is as it was. What was done "
        f"is kept: run the same command with further --pictures, with --without-missing to leave them out, or with "
        f"--give-up."
    )


def _write(job: _Job, report: Path | None) -> None:
    if report is None:
        return
    with report.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["face_id", "external_id", "image_id", "reason"])
        for face, why in job.missing.values():
            rows.writerow(harmless([face.face_id, face.external_image_id or "", face.image_id, why]))


def _files(folders: list[Path], told: Progress) -> dict[str, str]:
    return by_image_id([photo for folder in folders for photo in walk(folder)[0]], told)


@contextmanager
def _resumable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        terminal.note("Stopped; what was done is kept. Run the same command to resume, or with --give-up.")
        raise
