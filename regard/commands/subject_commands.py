"""`regard subject`: what is kept of the person in a picture, and its erasure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from regard.bootstrap.remains import remains
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.desk import server_of
from regard.commands.remote.remote_subjects import RemoteSubjects
from regard.commands.terminal import Home, Json
from regard.config.settings import Settings
from regard.domain.subjects import SubjectFace, SubjectRecord

app = typer.Typer(
    help="What is kept of the person in a picture, and its erasure.", no_args_is_help=True, add_completion=False
)

Image = Annotated[Path, typer.Argument(help="A picture of them; its largest face is looked for.")]
#: The lowest similarities, from 0 to 100, unless one is asked for.
_FINDING, _ERASING = 90.0, 99.0
_BACKUPS = (
    "Backups and exports that were made before still hold them: delete those, or repeat this after one is restored."
)


@app.command()
def find(
    image: Image,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=100, help="The lowest similarity: 90, or the least of a profile.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what is kept of somebody: their faces in every collection, on what terms, what they agreed to, and the
    searches that returned them, without saying who made those.

    Example: [bold]regard subject find applicant.jpg[/]
    """
    chosen = context.settings(home)
    found = _found(chosen, image, threshold)
    if as_json:
        terminal.say_json(_shape(found))
        return
    _print_faces(found.faces)
    for each in found.consents:
        state = "valid" if each.valid else "not valid any more"
        terminal.say(
            f"{each.subject} agreed to {each.purpose} in {each.collection}, {each.given_at:%Y-%m-%d}: {state}."
        )
    if found.searches:
        rows = terminal.table("Searched", "Collection", "Operation", "Purpose", title="Searches that returned them")
        # A search that returned several of their faces is one.
        once = {(each.searched_at, each.collection, each.operation, each.purpose) for each in found.searches}
        for when, collection, operation, purpose in sorted(once, key=lambda each: each[0]):
            rows.add_row(f"{when:%Y-%m-%d %H:%M}", escape(collection), operation, escape(purpose or "–"))
        terminal.out().print(rows)
    terminal.say(f"{found.collections:,} collections were looked in; {len(found.faces):,} faces are like this one.")
    for name in found.unread:
        terminal.warn(f"{name} could not be looked in: its face model cannot be used here.")
    _warn_of_closed(found.closed)


@app.command()
def erase(
    image: Image,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=100, help="The lowest similarity: 99, or the least of a profile.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    home: Home = None,
) -> None:
    """Erase the faces of somebody from every collection, for good, and look whether any file still holds them. Where
    the profile has two people review, another has to confirm it.

    Example: [bold]regard subject erase applicant.jpg[/]
    """
    chosen = context.settings(home)
    if (server := server_of(chosen)) is not None:
        _erase_there(RemoteSubjects(server), image, threshold, yes=yes, home=home)
        return
    content = context.read(image)
    asked = granted(chosen, "subject erase", threshold=threshold, default_threshold=_ERASING)
    with asked as grant, context.engine(chosen) as engine, context.about(image):
        threshold = grant.act.threshold or 0.0
        found = engine.subjects.matches(grant, content, threshold)
        grant.tell()  # before anything is shown
        _warn_of_closed(engine.subjects.closed(grant))
        if not _confirmed(found, threshold, yes=yes):
            return
        faces = [(each.collection, each.face_id) for each in found]
        if grant.rules.review.agreements:
            _say_asked(len(found), engine.subjects.request(grant, faces).id, home)
            _say_kept_in(engine.subjects.kept_in(grant, [face_id for _, face_id in faces]))
            return
        kept = engine.subjects.kept_bytes(grant, faces)
        erased = engine.subjects.erase(grant, faces)
        engine.subjects.verify(grant, content, threshold, erased)
        cases = engine.subjects.kept_in(grant, erased)
    _report(chosen, erased, kept)
    _say_kept_in(cases)


@app.command()
def confirm(
    request: Annotated[str, typer.Argument(help="What `regard subject erase` gave as its id.")], home: Home = None
) -> None:
    """Erase what another person has asked to be erased."""
    chosen = context.settings(home)
    if (server := server_of(chosen)) is not None:
        erased, cases = RemoteSubjects(server).confirm(request)
        _say_erased(erased)
        _say_kept_in(cases)
        return
    with granted(chosen, "subject confirm") as grant, context.engine(chosen) as engine:
        kept = engine.subjects.kept_bytes(grant, engine.subjects.requested(grant, request))
        gone = engine.subjects.confirm(grant, request)
        in_cases = engine.subjects.kept_in(grant, gone)
    _report(chosen, gone, kept)
    _say_kept_in(in_cases)


def _found(chosen: Settings, image: Path, threshold: float | None) -> SubjectRecord:
    content = context.read(image)
    if (server := server_of(chosen)) is not None:
        with context.about(image):
            return RemoteSubjects(server).find(content, threshold)
    asked = granted(chosen, "subject find", threshold=threshold, default_threshold=_FINDING)
    with asked as grant, context.engine(chosen) as engine, context.about(image):
        return engine.subjects.find(grant, content, grant.act.threshold or 0.0)


def _erase_there(
    subjects: RemoteSubjects, image: Path, threshold: float | None, *, yes: bool, home: Path | None
) -> None:
    """On a server: found first, and then erased by name. What its files still hold, its own machine tells."""
    least = _ERASING if threshold is None else threshold
    with context.about(image):
        found = subjects.find(context.read(image), least).faces
    if not _confirmed(found, least, yes=yes):
        return
    erased, request_id, cases = subjects.erase([(each.collection, each.face_id) for each in found])
    if request_id is not None:
        _say_asked(len(found), request_id, home)
    else:
        _say_erased(erased)
    _say_kept_in(cases)


def _confirmed(found: Sequence[SubjectFace], threshold: float, *, yes: bool) -> bool:
    """Whether there are faces that are all theirs; where they are not, the command ends."""
    if not found:
        terminal.say(f"No face is like this one at a similarity of {threshold:g} or above. Nothing was erased.")
        return False
    _print_faces(found)
    if not yes:
        typer.confirm(f"Are all {len(found):,} theirs? Erase them, for good?", abort=True)
    return True


def _say_asked(count: int, request_id: str, home: Path | None) -> None:
    terminal.say(f"Asked for the erasure of {count:,} faces, as {request_id}.")
    terminal.note(f"Another person confirms it: {context.with_home(f'subject confirm {request_id}', home)}.")


def _say_erased(erased: Sequence[str]) -> None:
    terminal.say(f"Erased {len(erased):,} faces.")
    terminal.note(_BACKUPS)


def _say_kept_in(cases: Sequence[str]) -> None:
    if cases:
        terminal.note(
            f"Decided before, and so kept for disclosure until their own time is over: {', '.join(cases)}. In what is "
            "open they are no candidates any more."
        )


def _report(chosen: Settings, erased: Sequence[str], kept: Sequence[bytes]) -> None:
    terminal.say(f"Erased {len(erased):,} faces.")
    left = remains(chosen.home, kept)
    if left:
        names = ", ".join(f"{name} ({count:,})" for name, count in left.items())
        terminal.warn(f"Still on the disk: {names}. A running server lets go of them within a minute; look again then.")
    else:
        terminal.say("No file in the home holds them any more.")
    terminal.note(_BACKUPS)


def _warn_of_closed(names: Sequence[str]) -> None:
    for name in names:
        terminal.warn(f"{name} is closed and was left out: say so to whoever asks, and answer for it another way.")


def _print_faces(found: Sequence[SubjectFace]) -> None:
    if not found:
        return
    rows = terminal.table("Collection", "External id", "User", ">Similarity", "Enrolled", "Until", "?Face id")
    for each in found:
        until = f"{each.expires_at:%Y-%m-%d}" if each.expires_at else "–"
        rows.add_row(
            escape(each.collection),
            escape(each.external_image_id or "–"),
            escape(each.user_id or "–"),
            terminal.percent(each.similarity),
            f"{each.enrolled_at:%Y-%m-%d}",
            until,
            each.face_id,
        )
    terminal.out().print(rows)


def _shape(found: SubjectRecord) -> dict[str, Any]:
    return {
        "Collections": found.collections,
        "NotRead": found.unread,
        "Closed": found.closed,
        "Faces": [
            {
                "CollectionId": each.collection,
                "FaceId": each.face_id,
                "Similarity": each.similarity,
                "ExternalImageId": each.external_image_id,
                "UserId": each.user_id,
                "EnrolledAt": each.enrolled_at.isoformat(),
                "Basis": each.basis,
                "Source": each.source,
                "ExpiresAt": each.expires_at and each.expires_at.isoformat(),
            }
            for each in found.faces
        ],
        "Consents": [
            {
                "CollectionId": each.collection,
                "Subject": each.subject,
                "Purpose": each.purpose,
                "GivenAt": each.given_at.isoformat(),
                "Valid": each.valid,
            }
            for each in found.consents
        ],
        "Searches": [
            {
                "SearchedAt": each.searched_at.isoformat(),
                "CollectionId": each.collection,
                "Operation": each.operation,
                "Purpose": each.purpose,
                "FaceId": each.face_id,
            }
            for each in found.searches
        ],
    }
