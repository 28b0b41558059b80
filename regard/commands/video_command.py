"""`regard video`: who and what is in a film, and when."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from regard.accountability.gate import Grant
from regard.bootstrap.videos import task_over
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.terminal import Authorisation, Home, Json
from regard.commands.video_page import Page, clock, html, length, places
from regard.commands.video_stills import stills
from regard.config.settings import Settings
from regard.domain.jobs import NewJob, StoredObject
from regard.domain.reporting import Progress
from regard.engine.jobs.in_place import Done, Wanted, done_here
from regard.engine.jobs.task import Task
from regard.engine.video.lanes import Lanes, of_kind
from regard.errors import InvalidParameter, InvalidS3Object
from regard.files import SHARED, replace_file
from regard.media.blobs import FolderStore
from regard.media.decoding_trial import try_decoding
from regard.operations.acts import THRESHOLD
from regard.operations.call import Call
from regard.operations.videos import ANALYSES
from regard.vision.images import image_models

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_BUCKET = "film"
#: Progress is told in percent.
_PARTS = 100


class Sought(StrEnum):
    """What can be looked for."""

    SHOTS = "shots"
    PEOPLE = "people"
    LABELS = "labels"
    TEXT = "text"


@app.command()
def video(  # noqa: PLR0913 - the options of a command
    file: Annotated[Path, typer.Argument(help="A film: MP4, MOV, MKV, WebM, AVI, MPEG-TS.")],
    *,
    page: Annotated[
        Path | None, typer.Option("--html", help="Write a timeline with pictures: one page that needs nothing else.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="WHAT,…", help="Look only for some of: shots, people, labels, text.")
    ] = None,
    collection: Annotated[
        str | None, typer.Option(help="Also look for the people who are enrolled in this collection.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=100, help="The lowest similarity of a match; 80 unless given.")
    ] = None,
    authorisation: Authorisation = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Tell who and what is in a film, and when: shots, people, objects and scenes, text.

    Example: [bold]regard video party.mp4 --html party.html[/]
    """
    sought, chosen = _sought(only, collection), context.settings(home)
    with ExitStack() as opened:
        grants = _grants(opened, chosen, sought, collection, threshold, authorisation)
        film, task = opened.enter_context(_opened(chosen, file, sought))
        with terminal.progress() as progress:
            watching = partial(_show, progress, f"Watching {terminal.readable(file.name)}")
            wanted = [Wanted(job=_job(kind, film, grant, collection), grant=grant) for kind, grant in grants.items()]
            found = done_here(task, wanted, datetime.now(UTC), watching)
    done = {each.kind: each for each in found}
    kinds = _kinds(done)
    if page is not None:
        _save(page, file, done, kinds, chosen)
    if as_json:
        terminal.say_json(_shape(done))
    else:
        _tell(file, done, kinds)


def _show(progress: Progress, what: str, done: float) -> None:
    progress(what, round(_PARTS * done), _PARTS)


def _sought(only: str | None, collection: str | None) -> frozenset[Sought]:
    """Raises InvalidParameter for a word that is none of them."""
    if only is None:
        return frozenset(Sought)
    try:
        sought = frozenset(Sought(each.strip()) for each in only.split(","))
    except ValueError as error:
        raise InvalidParameter(f"--only takes some of {', '.join(Sought)}, with commas between them.") from error
    return sought | {Sought.PEOPLE} if collection else sought


def _grants(
    opened: ExitStack,
    chosen: Settings,
    sought: frozenset[Sought],
    collection: str | None,
    threshold: float | None,
    authorisation: str | None,
) -> dict[str, Grant]:
    """The grant for each kind of job: to follow people is a search, to see what else is there is none."""
    looking = opened.enter_context(granted(chosen, "video", medium="recorded", authorisation=authorisation))
    kinds = {
        Sought.SHOTS: "SEGMENT_DETECTION",
        Sought.LABELS: "LABEL_DETECTION",
        Sought.TEXT: "TEXT_DETECTION",
    }
    grants = {kind: looking for what, kind in kinds.items() if what in sought}
    if Sought.PEOPLE in sought:
        searching = granted(
            chosen,
            "search",
            collection=collection,
            threshold=threshold,
            default_threshold=THRESHOLD,
            medium="recorded",
            authorisation=authorisation,
        )
        grant = opened.enter_context(searching)
        grants |= {"PERSON_TRACKING": grant} | ({"FACE_SEARCH": grant} if collection else {})
    return grants


@contextmanager
def _opened(chosen: Settings, file: Path, sought: frozenset[Sought]) -> Iterator[tuple[StoredObject, Task]]:
    """The film, as an object in a bucket of its own, and what looks at it."""
    context.fetch_models(chosen)
    for pack, whose in ((image_models.PACK, {Sought.LABELS, Sought.PEOPLE}), ("text", {Sought.TEXT})):
        if sought & whose:
            context.fetch_pack(chosen, pack)
    with tempfile.TemporaryDirectory() as folder:
        place = file.resolve()
        (Path(folder) / _BUCKET).symlink_to(place.parent)
        blobs = FolderStore(Path(folder))
        try:
            film = blobs.head(_BUCKET, place.name, None)
        except InvalidS3Object as error:
            raise InvalidParameter(f"{terminal.readable(file)} is not there, or cannot be read.") from error
        try_decoding(place, chosen.video.decoder)
        with task_over(chosen, blobs) as task:
            yield film, task


def _job(kind: str, film: StoredObject, grant: Grant, collection: str | None) -> NewJob:
    """As a client would ask for it that leaves everything to its default."""
    analysis = next(each for each in ANALYSES if each.kind == kind)
    asked = {"CollectionId": collection, "SegmentTypes": ["SHOT", "TECHNICAL_CUE"]}
    return NewJob(kind=kind, request=analysis.settings(Call(grant, asked)), object=film)


# -- what is told ------------------------------------------------------------------------------------------------------


def _kinds(done: Mapping[str, Done]) -> list[Lanes]:
    """What was looked for, in lanes."""
    order = ("SEGMENT_DETECTION", "FACE_SEARCH", "PERSON_TRACKING", "LABEL_DETECTION", "TEXT_DETECTION")
    return [lanes for kind in order if kind in done for lanes in of_kind(kind, done[kind].items)]


def _tell(file: Path, done: Mapping[str, Done], kinds: Sequence[Lanes]) -> None:
    terminal.say(f"{terminal.readable(file)}: {_about(done)}.")
    rows = terminal.table("What", "~Which", ">First seen", ">In all", "?>Times", ">Certain", each="Finding")
    for kind in kinds:
        for lane in kind.lanes:
            certain = "–" if lane.sure is None else terminal.percent(lane.sure)
            times, first = str(len(lane.stretches)), clock(lane.stretches[0].from_ms)
            rows.add_row(kind.title, escape(lane.title), first, length(lane.seen_ms), times, certain)
        if kind.left_out:
            rows.add_row(kind.title, f"and {kind.left_out} more", "", "", "", "")
    terminal.out().print(rows)
    if missing := [kind.title.lower() for kind in kinds if not kind.lanes]:
        terminal.say(f"None were found: {', '.join(missing)}.")


def _about(done: Mapping[str, Done]) -> str:
    """The video in a line."""
    found: Mapping[str, Any] = next(iter(done.values())).metadata["VideoMetadata"]
    size = f"{found['FrameWidth']} × {found['FrameHeight']} pixels"
    return f"{length(found['DurationMillis'])}, {size}, {found['FrameRate']:.3g} frames/s, {found['Codec']}"


def _shape(done: Mapping[str, Done]) -> dict[str, Any]:
    """All items, in AWS's spelling."""
    members = {each.kind: each.items for each in ANALYSES}
    shape: dict[str, Any] = {"VideoMetadata": next(iter(done.values())).metadata["VideoMetadata"]}
    for kind, found in done.items():
        name = "FaceSearch" if kind == "FACE_SEARCH" else members[kind]
        shape[name] = [{key: value for key, value in each.items() if key[:1].isupper()} for each in found.items]
    return shape


def _save(page: Path, file: Path, done: Mapping[str, Done], kinds: Sequence[Lanes], chosen: Settings) -> None:
    """Raises InvalidParameter if the page cannot be written."""
    context.spare(page, file)
    metadata = next(iter(done.values())).metadata["VideoMetadata"]
    with terminal.progress() as progress:
        pictures = stills(file, places(kinds), chosen.video.decoder, progress)
    content = html(
        Page(
            name=terminal.readable(file.name),
            about=_about(done),
            duration_ms=metadata["DurationMillis"],
            kinds=kinds,
            pictures=pictures,
        )
    )
    try:
        with replace_file(page, mode=SHARED) as stream:
            stream.write(content.encode())
    except OSError as error:
        raise InvalidParameter(f"{terminal.readable(page)} cannot be written: {error.strerror}.") from error
    terminal.note(f"Saved {terminal.readable(page)}.")
