"""`regard watchlists`: the collections of deployments, listed and reviewed."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from regard.bootstrap.register import open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.terminal import Home, Json

app = typer.Typer(help="List and review the watch-lists of deployments.", no_args_is_help=True, add_completion=False)


@app.command("list")
def show(home: Home = None, as_json: Json = False) -> None:
    """Show every watch-list, its deployment, when it goes, and when it was reviewed."""
    chosen = context.settings(home)
    with granted(chosen, "watchlists list") as grant, open_register(chosen) as register:
        found = register.keeping.watchlists.list(grant)
    if as_json:
        terminal.say_json(
            [
                {
                    "CollectionId": each.collection,
                    "FaceCount": each.faces,
                    "MostFaces": each.most_faces,
                    "Authorisation": each.authorisation_id,
                    "EndsAt": each.ends_at and each.ends_at.isoformat(),
                    "ReviewedBy": each.reviewed_by,
                    "ReviewedAt": each.reviewed_at and each.reviewed_at.isoformat(),
                }
                for each in found
            ]
        )
        return
    if not found:
        terminal.note("There are no watch-lists: a collection becomes one by enrolling under a deployment.")
        return
    rows = terminal.table("Collection", ">Faces", "Deployment", "Goes", "Reviewed")
    for each in found:
        goes = f"{each.ends_at:%Y-%m-%d %H:%M}" if each.ends_at else "–"
        reviewed = f"{each.reviewed_at:%Y-%m-%d %H:%M}" if each.reviewed_at else "[yellow]not yet[/]"
        rows.add_row(escape(each.collection), f"{each.faces:,}", each.authorisation_id or "–", goes, reviewed)
    terminal.out().print(rows)


@app.command()
def review(
    collection: Annotated[str, typer.Argument(help="The watch-list that you have been through.")], home: Home = None
) -> None:
    """Record that you have been through a watch-list: every entry is lawfully held, needed for this deployment, and its
    picture the best and latest. Nobody searches in it before, nor after it was changed."""
    chosen = context.settings(home)
    with granted(chosen, "watchlists review", collection=collection) as grant, open_register(chosen) as register:
        register.keeping.watchlists.review(grant, collection)
    terminal.say(f"Reviewed the watch-list {collection}.")
