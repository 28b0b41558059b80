"""`regard collections`: what there is to search in. Moving them has a file of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from regard.commands import moving_commands, opening, terminal
from regard.commands.terminal import Home, Json
from regard.store.collection_rows import CollectionRows

app = typer.Typer(help="List, move, check and delete collections.", no_args_is_help=True, add_completion=False)


@app.command("list")
def show(home: Home = None, as_json: Json = False) -> None:
    """Show every collection and how many faces it holds."""
    chosen = opening.settings(home)
    with opening.store(chosen) as opened:
        sizes = CollectionRows(opened).sizes()
    if as_json:
        terminal.say_json([{"CollectionId": name, "FaceCount": count} for name, count in sizes.items()])
        return
    if not sizes:
        terminal.note("There is no collection yet; `regard index FOLDER --collection NAME` makes one.")
        return
    rows = terminal.table("Collection", ">Faces")
    for name, count in sizes.items():
        rows.add_row(name, f"{count:,}")
    terminal.out().print(rows)


@app.command()
def delete(
    name: Annotated[str, typer.Argument(help="The collection to delete.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Delete a collection with all its faces, for good. Pictures are left alone."""
    chosen = opening.settings(home)
    with opening.store(chosen) as opened:
        collections = CollectionRows(opened)
        count = collections.face_count(collections.get(name).key)
        if not yes:
            typer.confirm(f"Delete {name} and its {count:,} faces, for good?", abort=True)
        collections.delete(name)
    terminal.say(f"Deleted {name} and its {count:,} faces.")


app.command("export")(moving_commands.export)
app.command("import")(moving_commands.import_)
app.command("verify")(moving_commands.verify)
app.command("rebuild")(moving_commands.rebuild)
