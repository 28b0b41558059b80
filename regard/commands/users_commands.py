"""`regard users`: one person, many faces. The faces are a collection's; a search finds the user by all of them."""

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
from regard.commands.desk import galleries_of
from regard.commands.enrolled_faces_commands import InCollection, counted, ids_named
from regard.commands.search_command import pending_note
from regard.commands.tables import Table
from regard.commands.terminal import Authorisation, Home, Json
from regard.config.settings import Settings
from regard.domain.cases import PENDING_LABEL, CandidateState
from regard.domain.chances import how_rarely, plain
from regard.domain.galleries import Collection, User
from regard.domain.identifiers import USER_ID
from regard.engine.galleries.face_search import SearchOptions
from regard.engine.galleries.user_search import UserSearchResult
from regard.engine.galleries.user_vectors import MOST_USER_FACES, UNLIKE, Refusal, UserChangeResult
from regard.errors import InvalidParameter
from regard.operations.acts import ASSOCIATION_THRESHOLD, THRESHOLD

app = typer.Typer(
    help="Make users of faces: one person, many pictures; search for them.", no_args_is_help=True, add_completion=False
)

UserArgument = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
FaceArguments = Annotated[list[str] | None, typer.Argument(metavar="[FACE_ID]…", help="The faces.")]
OfExternalId = Annotated[
    str | None,
    typer.Option("--external-id", help="All faces with this external id, or the name it was made from, instead."),
]
_PAGE = 1_000


@app.command()
def create(user: UserArgument, *, collection: InCollection, home: Home = None) -> None:
    """Create a user, who has no faces yet."""
    if not USER_ID.allows(user):
        raise InvalidParameter(
            f"{user!r} cannot be a user's id: use 1 to {USER_ID.longest} of the letters a-z and A-Z, digits, '_', '.', "
            "'-', ':'."
        )
    chosen = context.settings(home)
    if (there := galleries_of(chosen)) is not None:
        there.create_user(collection, user)
    else:
        with granted(chosen, "users create", collection=collection) as grant, open_register(chosen) as register:
            register.users.create(grant, collection, user)
    terminal.say(f"Created the user {user} in {collection}.")


@app.command("list")
def show(*, collection: InCollection, as_json: Json = False, home: Home = None) -> None:
    """Show the users of a collection, oldest first. One without faces is CREATED, and is not found by searches."""
    chosen = context.settings(home)
    if (there := galleries_of(chosen)) is not None:
        found = list(there.users(collection))
    else:
        with granted(chosen, "users list", collection=collection) as grant, open_register(chosen) as register:
            found = list(_users(register, grant, register.galleries.get(grant, collection)))
    if as_json:
        terminal.say_json({"Users": [{"UserId": user.id, "UserStatus": user.status} for user in found]})
        return
    if not found:
        terminal.note(f"{collection} has no users yet; `regard users create NAME` creates one.")
        return
    rows = terminal.table("User", "Status")
    for user in found:
        rows.add_row(escape(user.id), user.status)
    terminal.out().print(rows)


@app.command()
def delete(
    user: UserArgument,
    *,
    collection: InCollection,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    home: Home = None,
) -> None:
    """Delete a user. Their faces stay in the collection."""
    chosen = context.settings(home)
    if (there := galleries_of(chosen)) is not None:
        _confirm(user, collection, yes)
        there.delete_user(collection, user)
    else:
        with granted(chosen, "users delete", collection=collection) as grant, open_register(chosen) as register:
            holder = register.galleries.get(grant, collection)
            _confirm(user, collection, yes)
            register.users.delete(grant, collection, user)
            context.bring_on(register, grant, holder)
    terminal.say(f"Deleted the user {user} of {collection}; their faces stay.")


@app.command()
def associate(  # noqa: PLR0913 - the options of a command
    user: UserArgument,
    face_ids: FaceArguments = None,
    *,
    collection: InCollection,
    external_id: OfExternalId = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=100, help="The lowest similarity to the user's other faces: 75, or a profile's least."),
    ] = None,
    authorisation: Authorisation = None,
    home: Home = None,
) -> None:
    """Give faces of the collection to a user, up to 100 in all. A face that is not like the others is refused.

    Example: [bold]regard users associate ada --collection people --external-id ada[/]
    """
    chosen = context.settings(home)
    if (there := galleries_of(chosen, authorisation)) is not None:
        change = there.associate(collection, user, _named(face_ids), threshold)
        _tell(change, f"{counted(len(change.moved), 'face')} given to {user}, who is {change.status}.")
        return
    with (
        granted(
            chosen,
            "users associate",
            collection=collection,
            threshold=threshold,
            default_threshold=ASSOCIATION_THRESHOLD,
            authorisation=authorisation,
        ) as grant,
        open_register(chosen) as register,
    ):
        holder = register.galleries.get(grant, collection)
        ids = _chosen_faces(chosen, register, holder, face_ids, external_id)
        change = register.users.associate(grant, collection, user, ids, threshold=grant.act.threshold or 0.0)
        context.bring_on(register, grant, holder)
    _tell(change, f"{counted(len(change.moved), 'face')} given to {user}, who is {change.status}.")


@app.command()
def disassociate(
    user: UserArgument,
    face_ids: FaceArguments = None,
    *,
    collection: InCollection,
    external_id: OfExternalId = None,
    home: Home = None,
) -> None:
    """Take faces from a user. They stay in the collection."""
    chosen = context.settings(home)
    if (there := galleries_of(chosen)) is not None:
        change = there.disassociate(collection, user, _named(face_ids))
        _tell(change, f"{counted(len(change.moved), 'face')} taken from {user}, who is {change.status}.")
        return
    with granted(chosen, "users disassociate", collection=collection) as grant, open_register(chosen) as register:
        holder = register.galleries.get(grant, collection)
        ids = _chosen_faces(chosen, register, holder, face_ids, external_id)
        change = register.users.disassociate(grant, collection, user, ids)
        context.bring_on(register, grant, holder)
    _tell(change, f"{counted(len(change.moved), 'face')} taken from {user}, who is {change.status}.")


@app.command()
def search(  # noqa: PLR0913 - the options of a command
    image: Annotated[Path, typer.Argument(help="A picture; its largest face is searched for.")],
    *,
    collection: InCollection,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=100, help="The lowest similarity; 80 unless given.")
    ] = None,
    most: Annotated[int, typer.Option("--max", min=1, max=500, help="The most candidates.")] = 10,
    authorisation: Authorisation = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Search the users of a collection for the largest face in a picture.

    A candidate is a lead for a person to judge, not an answer.
    """
    content, chosen = context.read(image), context.settings(home)
    if (there := galleries_of(chosen, authorisation)) is not None:
        found, lowest = there.search_users(collection, content, threshold=threshold, most=most)
        _show(found, lowest, as_json=as_json, home=home)
        return
    with (
        granted(
            chosen,
            "users search",
            collection=collection,
            threshold=threshold,
            default_threshold=THRESHOLD,
            count=most,
            authorisation=authorisation,
        ) as grant,
        context.engine_for(chosen, grant, collection) as engine,
        context.about(image),
    ):
        lowest = grant.act.threshold or 0.0
        found = engine.user_search.by_image(grant, collection, content, SearchOptions(most=most, threshold=lowest))
    _show(found, lowest, as_json=as_json, home=home)


def _confirm(user: str, collection: str, yes: bool) -> None:
    if not yes:
        typer.confirm(f"Delete the user {user} of {collection}?", abort=True)


def _show(found: UserSearchResult, lowest: float, *, as_json: bool, home: Path | None) -> None:
    if as_json:
        terminal.say_json(_shape(found, lowest))
        return
    if found.case is not None and found.case.id is not None:
        terminal.note(pending_note(found.case, home))
    if found.matches:
        terminal.out().print(_candidates(found))
    else:
        terminal.say(f"No candidates at a similarity of {lowest:g} or above.")
    terminal.out().print(
        f"{found.collection.id} has {counted(found.gallery_size, 'user')} with faces. By chance, expect "
        f"{plain(found.expected_false)} false candidates at {lowest:g} or above{how_rarely(found.expected_false)}."
    )


def _candidates(found: UserSearchResult) -> Table:
    if found.case is not None:  # in the order drawn by lot; no rank, no similarity
        rows = terminal.table("Alias", "State")
        for match in found.matches:
            rows.add_row(escape(match.user.id.removeprefix(f"{PENDING_LABEL}:")), CandidateState.PENDING)
        return rows
    rows = terminal.table(">Rank", "User", ">Similarity")
    for rank, match in enumerate(found.matches, 1):
        rows.add_row(str(rank), escape(match.user.id), terminal.percent(match.similarity))
    return rows


def _shape(found: UserSearchResult, threshold: float) -> dict[str, object]:
    """In AWS's spelling where AWS has one."""
    return {
        "CollectionId": found.collection.id,
        "UserCount": found.gallery_size,
        "UserMatchThreshold": threshold,
        "ExpectedFalseCandidates": found.expected_false,
        **({} if found.case is None else {"CaseIds": [found.case.id]}),
        "UserMatches": [
            {"Similarity": match.similarity, "User": {"UserId": match.user.id, "UserStatus": match.user.status}}
            for match in found.matches
        ],
    }


def _users(register: Register, grant: Grant, collection: Collection) -> Iterator[User]:
    after = 0
    while page := register.users.page(grant, collection, after, _PAGE):
        yield from page
        after = page[-1].key


def _named(face_ids: list[str] | None) -> list[str]:
    """The faces to move at a server. Raises InvalidParameter."""
    if not face_ids:
        raise InvalidParameter("Name the faces by their ids: at a server, --external-id finds none.")
    return face_ids


def _chosen_faces(
    chosen: Settings, register: Register, collection: Collection, face_ids: list[str] | None, external_id: str | None
) -> list[str]:
    if bool(face_ids) == (external_id is not None):
        raise InvalidParameter("Say which faces: either their ids, or --external-id.")
    ids = face_ids or ids_named(chosen, register, collection, external_id or "")
    if len(ids) > MOST_USER_FACES:
        raise InvalidParameter(f"These are {len(ids):,} faces; a user has at most {MOST_USER_FACES}.")
    return ids


def _tell(change: UserChangeResult, result: str) -> None:
    """The result and every refusal; exits with 1 if there was one."""
    for refusal in change.refused:
        terminal.note(f"{refusal.face_id}: {_reason(refusal)}")
    terminal.say(result)
    if change.refused:
        raise typer.Exit(1)


def _reason(refusal: Refusal) -> str:
    if refusal.user_id is not None:
        return f"it is a face of the user {refusal.user_id}."
    if refusal.similarity is not None:
        return f"it is not like the others: its similarity is {terminal.percent(refusal.similarity)}."
    if refusal.reason == UNLIKE:
        return "it is not like the others."
    return "there is no such face in the collection."
