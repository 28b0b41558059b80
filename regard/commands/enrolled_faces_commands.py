"""`regard faces list` and `regard faces delete`: the faces that a collection holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from regard.accountability.gate import Grant
from regard.bootstrap.register import Register, open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.terminal import Home, Json
from regard.config.settings import Settings
from regard.domain.galleries import Collection, Face
from regard.domain.identifiers import name_of, spelled
from regard.errors import InvalidParameter
from regard.operations.face_shapes import enrolled_face

InCollection = Annotated[str, typer.Option(help="The collection.")]
OfExternalId = Annotated[
    str | None, typer.Option("--external-id", help="Only faces with this external id, or the name it was made from.")
]
#: Faces read at once.
_PAGE = 1_000
#: Faces deleted in one transaction, as in DeleteFaces.
_DELETED_AT_ONCE = 4_096


def show(
    *,
    collection: InCollection,
    external_id: OfExternalId = None,
    user: Annotated[str | None, typer.Option(help="Only faces of this user.")] = None,
    most: Annotated[int, typer.Option("--max", min=1, help="The most faces to list.")] = 1_000,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List the faces of a collection, oldest first.

    Example: [bold]regard faces list --collection people --external-id ada[/]
    """
    chosen = context.settings(home)
    with granted(chosen, "faces list", collection=collection, count=most) as grant, open_register(chosen) as register:
        holder = register.galleries.get(grant, collection)
        if user is not None:
            register.users.get(grant, holder, user)  # raises if there is no such user
        wanted = faces_of(register, grant, holder, external_id, user)
        found = [face for face, _ in zip(wanted, range(most + 1), strict=False)]
        files = register.folders.files(grant, holder, sorted({face.image_id for face in found}))
    more, found = len(found) > most, found[:most]
    if as_json:
        paths = {image_id: terminal.readable(path) for image_id, path in files.items()}
        terminal.say_json({"Faces": [enrolled_face(face) | {"File": paths.get(face.image_id)} for face in found]})
        return
    if not found:
        terminal.say(f"No such faces are in {collection}.")
        return
    users = ["User"] if any(face.user_id for face in found) else []
    rows = terminal.table("Face id", "External id", *users, "<?Picture", each="Face")
    for face in found:
        of_user = [escape(face.user_id or "–")] if users else []
        file = escape(terminal.readable(files.get(face.image_id, "–")))
        rows.add_row(face.face_id, escape(shown_id(face)), *of_user, file)
    terminal.out().print(rows)
    if more:
        terminal.note(f"There are more; --max shows more than {most:,}.")


def picture(
    images: Annotated[list[Path], typer.Argument(help="Pictures that faces of the collection were enrolled from.")],
    *,
    collection: InCollection,
    home: Home = None,
) -> None:
    """Give reviewers the pictures of faces that were enrolled without: before the profile asked for reviews, or by an
    import. Only the very file that a face was enrolled from is taken.

    Example: [bold]regard faces picture mugshots/*.jpg --collection suspects[/]
    """
    chosen, without = context.settings(home), 0
    with granted(chosen, "faces picture", collection=collection) as grant, open_register(chosen) as register:
        for image in images:
            with context.about(image):
                found = register.face_pictures.add(grant, collection, context.raw(image))
            if not found:
                without += 1
                terminal.note(f"{terminal.readable(image)}: no face of {collection} was enrolled from it.")
    terminal.say(f"Kept the faces of {counted(len(images) - without, 'picture')} for reviewers, encrypted.")
    if without:
        raise typer.Exit(1)


def delete(
    face_ids: Annotated[list[str] | None, typer.Argument(metavar="[FACE_ID]…", help="The faces to delete.")] = None,
    *,
    collection: InCollection,
    external_id: OfExternalId = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    home: Home = None,
) -> None:
    """Delete faces of a collection, for good. The pictures are not touched.

    A user's face is kept; remove it from the user first. A picture whose face was deleted is not indexed again until
    it changes.

    Example: [bold]regard faces delete --collection people --external-id ada[/]
    """
    if bool(face_ids) == (external_id is not None):
        raise InvalidParameter("Say which faces to delete: either their ids, or --external-id.")
    chosen = context.settings(home)
    with granted(chosen, "faces delete", collection=collection) as grant, open_register(chosen) as register:
        holder = register.galleries.get(grant, collection)
        ids = face_ids or ids_named(chosen, register, holder, external_id or "")
        if not yes:
            typer.confirm(f"Delete {counted(len(ids), 'face')} of {collection}, for good?", abort=True)
        deleted, kept = 0, dict[str, str]()
        for start in range(0, len(ids), _DELETED_AT_ONCE):
            deletion = register.galleries.delete_faces(grant, collection, ids[start : start + _DELETED_AT_ONCE])
            deleted += len(deletion.deleted)
            kept |= deletion.kept
        context.bring_on(register, grant, holder)
    for face_id, user_id in kept.items():
        terminal.note(f"{face_id} is a face of the user {user_id}, and was kept; `regard users disassociate` frees it.")
    missing = len(set(ids)) - deleted - len(kept)
    if missing:
        terminal.note(f"{counted(missing, 'face')} of these {'is' if missing == 1 else 'are'} not in {collection}.")
    terminal.say(f"Deleted {counted(deleted, 'face')} of {collection}.")
    if kept or missing:
        raise typer.Exit(1)


def faces_of(
    register: Register, grant: Grant, collection: Collection, external_id: str | None, user: str | None = None
) -> Iterator[Face]:
    """The faces of a collection, oldest first: only those of an external id, given as the id or as the name that it
    spells, and of a user. The grant is to read."""
    ids = None if external_id is None else {external_id, spelled(external_id)}
    after = 0
    while page := register.galleries.faces(grant, collection, after, _PAGE, user_id=user):
        yield from (face for face in page if ids is None or face.external_image_id in ids)
        after = page[-1].key


def ids_named(chosen: Settings, register: Register, collection: Collection, external_id: str) -> list[str]:
    """The ids of the faces with an external id, which are read under a grant of their own. Raises InvalidParameter if
    there are none."""
    with granted(chosen, "faces list", collection=collection.id) as reading:
        found = [face.face_id for face in faces_of(register, reading, collection, external_id)]
    if not found:
        raise InvalidParameter(f"{collection.id} has no face with the external id {external_id}.")
    return found


def shown_id(face: Face) -> str:
    """A face's external id as the name that it spells, for people."""
    return "–" if face.external_image_id is None else name_of(face.external_image_id)


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
