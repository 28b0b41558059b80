"""`regard search`: who in a collection looks like the face in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from regard.app import Regard
from regard.commands import context, probes, terminal
from regard.commands.probes import Probe
from regard.commands.terminal import Home, Json
from regard.domain.galleries import Collection, Match
from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import MOST_FACES
from regard.engine.analysis.image_loader import picture
from regard.errors import RegardError
from regard.media import drawing
from regard.operations.face_shapes import compared_face, face_match

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search came to: candidates for each of the probe's faces, and by image id the files they came from."""

    probe: Probe
    matches: list[list[Match]]
    files: dict[str, str]
    #: Faces in the collection, and how many false candidates chance alone gives.
    size: int
    by_chance: float


@app.command()
def search(  # noqa: PLR0913 - the options of a command
    image: Annotated[Path, typer.Argument(help="A JPEG or PNG; its largest face is searched for.")],
    *,
    collection: Annotated[str, typer.Option(help="The collection to search in.")],
    threshold: Annotated[float, typer.Option(min=0, max=100, help="The least similarity.")] = 80.0,
    most: Annotated[int, typer.Option("--max", min=1, max=4096, help="The most candidates for a face.")] = 10,
    all_faces: Annotated[bool, typer.Option("--all-faces", help="Search for every face in the picture.")] = False,
    save: Annotated[Path | None, typer.Option(help="Draw the probe beside its candidates: a .jpg or .png.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Search a collection for the face in a picture.

    A candidate is a lead for a person to judge, not an answer. The number of false ones to expect by chance is shown:
    it grows with the collection and falls with a higher threshold.

    Example: [bold]regard search visitor.jpg --collection people --save candidates.jpg[/]
    """
    with context.engine(context.settings(home)) as regard:
        target = regard.services.gallery.get(collection)
        probe = probes.read(regard.services.analyzer, image, most=MOST_FACES if all_faces else 1)
        found = _search(regard, target, probe, most=most, threshold=threshold)
    if save is not None:
        _draw(found, save)
    if as_json:
        terminal.say_json(_shape(found, target, threshold))
        return
    for row, matches in enumerate(found.matches):
        title = f"Face {row + 1} of {len(found.matches)}" if len(found.matches) > 1 else None
        _print_candidates(matches, found.files, title, threshold)
    many = f" for each of {len(found.matches)} faces" if len(found.matches) > 1 else ""
    terminal.out().print(
        f"{collection} holds {found.size:,} faces. By chance, {found.by_chance:.2g} false candidates at {threshold:g} "
        f"or above are to be expected{many}."
    )


def _search(regard: Regard, target: Collection, probe: Probe, *, most: int, threshold: float) -> Found:
    gallery = regard.services.gallery
    matches = gallery.search(target, probe.vectors, most=most, threshold=threshold)
    size = gallery.size(target)
    images = sorted({match.face.image_id for each in matches for match in each})
    return Found(
        probe=probe,
        matches=matches,
        files=regard.sources.path_of(target.key, images),
        size=size,
        by_chance=probes.by_chance(gallery.calibration, threshold, size),
    )


def _print_candidates(matches: list[Match], files: dict[str, str], title: str | None, threshold: float) -> None:
    out = terminal.out()
    if not matches:
        out.print(f"{f'{title}: ' if title else ''}nobody at a similarity of {threshold:g} or above.")
        return
    rows = terminal.table(">Rank", "External id", ">Similarity", "Face id", "Picture", title=title)
    for rank, match in enumerate(matches, 1):
        face = match.face
        file = escape(terminal.readable(files.get(face.image_id, "–")))
        rows.add_row(str(rank), face.external_image_id or "–", terminal.percent(match.similarity), face.face_id, file)
    out.print(rows)


def _shape(found: Found, target: Collection, threshold: float) -> dict[str, Any]:
    """In AWS's spelling where AWS has one."""
    return {
        "CollectionId": target.id,
        "FaceCount": found.size,
        "FaceMatchThreshold": threshold,
        "ExpectedFalseCandidates": found.by_chance,
        "Faces": [
            {
                "Face": compared_face(found.probe.faces, row),
                "FaceMatches": [face_match(match) | _file(match, found.files) for match in matches],
            }
            for row, matches in enumerate(found.matches)
        ],
    }


def _draw(found: Found, save: Path) -> None:
    several = len(found.matches) > 1
    for row, matches in enumerate(found.matches):
        candidates = [_candidate(match, found.files) for match in matches]
        caption = f"Face {row + 1}" if several else "Probe"
        sheet = drawing.line_up(found.probe.image, found.probe.faces.box(row), candidates, caption=caption)
        file = save.with_stem(f"{save.stem}-{row + 1}") if several else save
        context.save(sheet, file)


def _file(match: Match, files: dict[str, str]) -> dict[str, str | None]:
    file = files.get(match.face.image_id)
    return {"File": None if file is None else terminal.readable(file)}


def _candidate(match: Match, files: dict[str, str]) -> drawing.Candidate:
    face = match.face
    return drawing.Candidate(
        name=face.external_image_id or face.face_id,
        similarity=match.similarity,
        box=face.box,
        picture=_original(files.get(face.image_id), face.image_id),
    )


def _original(file: str | None, image_id: str) -> Image | None:
    """The picture that was indexed, if it still lies there unchanged."""
    if file is None:
        return None
    try:
        there = picture(Path(file).read_bytes())
    except (OSError, RegardError):
        return None
    return there.image if there.image_id == image_id else None
