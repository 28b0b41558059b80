"""`regard search`: search a collection for the face in a picture."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.desk import galleries_of
from regard.commands.enrolled_faces_commands import shown_id
from regard.commands.terminal import Authorisation, Home, Json
from regard.domain import edits as edits_of
from regard.domain.cases import CandidateState, OpenedCase, number_of
from regard.domain.chances import how_rarely, plain
from regard.domain.galleries import Face, Match
from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import MOST_FACES
from regard.engine.analysis.picture_files import load_file
from regard.engine.analysis.probes import Probes
from regard.engine.galleries.face_search import FaceSearchResult, SearchOptions
from regard.errors import InvalidParameter, RegardError
from regard.media import drawing
from regard.operations.acts import THRESHOLD
from regard.operations.face_shapes import bounding_box, compared_face, face_match

_ONE_FACE = "At a server one face is searched for: leave out --all-faces, --save, --original and --edit."
app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def search(  # noqa: PLR0913 - the options of a command
    image: Annotated[Path, typer.Argument(help="A picture; its largest face is searched for.")],
    *,
    collection: Annotated[str, typer.Option(help="The collection to search in.")],
    threshold: Annotated[
        float | None, typer.Option(min=0, max=100, help="The lowest similarity; 80 unless given.")
    ] = None,
    most: Annotated[int, typer.Option("--max", min=1, max=4096, help="The most candidates for a face.")] = 10,
    all_faces: Annotated[bool, typer.Option("--all-faces", help="Search for every face in the picture.")] = False,
    save: Annotated[Path | None, typer.Option(help="Draw the probe beside its candidates: a .jpg or .png.")] = None,
    original: Annotated[Path | None, typer.Option(help="The picture that this one was made from.")] = None,
    edit: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=…", help="How: crop=L,T,W,H, rotate=DEGREES, levels=BLACK,WHITE,GAMMA; repeat it."),
    ] = None,
    authorisation: Authorisation = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Search a collection for the face in a picture.

    A candidate is a lead for a person to judge, not an answer. The number of false candidates to expect by chance is
    shown: it grows with the collection and falls with a higher threshold.

    Example: [bold]regard search visitor.jpg --collection people --save candidates.jpg[/]
    """
    content, chosen, edits = context.read(image), context.settings(home), _edits(image, original, edit or [])
    if (there := galleries_of(chosen, authorisation)) is not None:
        if all_faces or save is not None or edits:
            raise InvalidParameter(_ONE_FACE)
        found, lowest, searched = there.search(collection, content, threshold=threshold, most=most)
        return _show(found, {}, lowest, [{"BoundingBox": bounding_box(searched)}], as_json, home)
    with (
        granted(
            chosen,
            "search",
            collection=collection,
            threshold=threshold,
            default_threshold=THRESHOLD,
            count=most,
            authorisation=authorisation,
        ) as grant,
        context.engine_for(chosen, grant, collection) as engine,
        context.about(image),
    ):
        if save is not None and grant.reviewed:
            raise InvalidParameter(
                f"Under the profile {grant.rules.name} candidates are drawn for reviewers alone: leave out --save. "
                "Once one is verified, `regard cases line-up` draws them."
            )
        faces, lowest = MOST_FACES if all_faces else 1, grant.act.threshold or 0.0
        options = SearchOptions(most=most, threshold=lowest, edits=edits)
        found = engine.face_search.by_image(grant, collection, content, options, faces=faces)
        files = engine.face_search.files(grant, found)
        if found.probes is None:
            raise ValueError("a search by image has probes")
        if save is not None:
            _draw(found.probes, found.matches, files, save, image)
    probes = [compared_face(found.probes.faces, row) for row in range(len(found.matches))]
    return _show(found, files, lowest, probes, as_json, home)


def _show(
    found: FaceSearchResult,
    files: dict[str, str],
    lowest: float,
    probes: list[dict[str, Any]],
    as_json: bool,
    home: Path | None,
) -> None:
    if as_json:
        terminal.say_json(_shape(found, probes, files, lowest))
    else:
        _tell(found, files, lowest, home)


def _tell(found: FaceSearchResult, files: dict[str, str], lowest: float, home: Path | None) -> None:
    for case in found.cases:
        if case.id is not None:
            terminal.note(pending_note(case, home))
    for row, matches in enumerate(found.matches):
        title = f"Face {row + 1} of {len(found.matches)}" if len(found.matches) > 1 else None
        if found.cases and matches:
            _print_pending(matches, title)
        else:
            _print_candidates(matches, files, title, lowest)
    many = f" for each of {len(found.matches)} faces" if len(found.matches) > 1 else ""
    expected = found.expected_false
    terminal.out().print(
        f"{found.collection.id} holds {found.gallery_size:,} faces. By chance, expect {plain(expected)} false "
        f"candidates at {lowest:g} or above{many}{how_rarely(expected)}."
    )


def pending_note(case: OpenedCase, home: Path | None) -> str:
    """What to say where candidates are reviewed before anybody learns who they are."""
    review, show = context.with_home("review next", home), context.with_home(f"cases show {case.id}", home)
    return (
        f"{case.id}: {case.needed} people must agree on a candidate before you learn who it is. Reviewers: {review}; "
        f"you: {show}."
    )


def _edits(image: Path, original: Path | None, typed: list[str]) -> dict[str, object]:
    """How the picture was made, for the record. Raises InvalidParameter for an edit that may not be made."""
    if (original is None) != (not typed):
        raise InvalidParameter("Name both the --original and every --edit that made this picture from it, or neither.")
    try:
        made = [{"kind": each.kind, **each.parameters} for each in map(edits_of.parse, typed)]
    except edits_of.UnknownEdit as error:
        raise InvalidParameter(str(error)) from error
    if original is None:
        return {}
    first, version = (hashlib.sha256(context.raw(file)).hexdigest() for file in (original, image))
    return {"original_sha256": first, "version_sha256": version, "edits": made}


def _print_candidates(matches: list[Match], files: dict[str, str], title: str | None, threshold: float) -> None:
    out = terminal.out()
    if not matches:
        out.print(f"{f'{title}: no' if title else 'No'} candidates at a similarity of {threshold:g} or above.")
        return
    rows = terminal.table(">Rank", "External id", ">Similarity", "?Face id", "<Picture", title=title, each="Candidate")
    for rank, match in enumerate(matches, 1):
        face = match.face
        file = escape(terminal.readable(files.get(face.image_id, "–")))
        rows.add_row(str(rank), escape(shown_id(face)), terminal.percent(match.similarity), face.face_id, file)
    out.print(rows)


def _print_pending(matches: list[Match], title: str | None) -> None:
    """By the numbers that were drawn by lot: no rank and no similarity, which would sway whoever reads them."""
    rows = terminal.table(">Number", "Alias", "State", title=title, each="Candidate")
    for number, alias in sorted((number_of(each.face.external_image_id), each.face.face_id) for each in matches):
        rows.add_row(str(number), alias, CandidateState.PENDING)
    terminal.out().print(rows)


def _shape(
    found: FaceSearchResult, probes: list[dict[str, Any]], files: dict[str, str], threshold: float
) -> dict[str, Any]:
    """In AWS's spelling where AWS has one."""
    return {
        "CollectionId": found.collection.id,
        "FaceCount": found.gallery_size,
        "FaceMatchThreshold": threshold,
        "ExpectedFalseCandidates": found.expected_false,
        **({"CaseIds": [case.id for case in found.cases]} if found.cases else {}),
        "Faces": [
            {
                "Face": probe,
                "FaceMatches": [face_match(match) | _file(match, files) for match in matches],
            }
            for probe, matches in zip(probes, found.matches, strict=True)
        ],
    }


def _draw(probes: Probes, found: list[list[Match]], files: dict[str, str], save: Path, image: Path) -> None:
    several = len(found) > 1
    for row, matches in enumerate(found):
        candidates = [_candidate(match, files) for match in matches]
        caption = f"Face {row + 1}" if several else "Probe"
        sheet = drawing.line_up(probes.image, probes.faces.box(row), candidates, caption=caption)
        file = save.with_stem(f"{save.stem}-{row + 1}") if several else save
        context.save(sheet, file, image)


def _file(match: Match, files: dict[str, str]) -> dict[str, str | None]:
    file = files.get(match.face.image_id)
    return {"File": None if file is None else terminal.readable(file)}


def _candidate(match: Match, files: dict[str, str]) -> drawing.Candidate:
    face = match.face
    return drawing.Candidate(
        name=_caption(face),
        similarity=match.similarity,
        box=face.box,
        picture=_original(files.get(face.image_id), face.image_id),
    )


def _caption(face: Face) -> str:
    """The external id as the name that it spells, if the drawing's typeface has its letters."""
    name = shown_id(face)
    if face.external_image_id is None:
        return face.face_id
    return name if drawing.can_write(name) else face.external_image_id


def _original(file: str | None, image_id: str) -> Image | None:
    """The picture that was indexed, if the file is still there unchanged."""
    if file is None:
        return None
    try:
        there = load_file(Path(file).read_bytes())
    except (OSError, RegardError):
        return None
    return there.image if there.image_id == image_id else None
