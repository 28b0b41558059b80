"""`regard collections`: what there is to search in. Moving them has a file of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from regard.commands import moving_commands, opening, terminal
from regard.commands.terminal import Home, Json
from regard.domain import EMBEDDED
from regard.store.collection_rows import CollectionRows

app = typer.Typer(help="List, move, check and delete collections.", no_args_is_help=True, add_completion=False)


@app.command("list")
def show(home: Home = None, as_json: Json = False) -> None:
    """Show every collection and how many faces it holds."""
    chosen = opening.settings(home)
    with opening.store(chosen) as opened:
        sizes, homes = CollectionRows(opened).sizes(), CollectionRows(opened).homes()
    if as_json:
        listed = [{"CollectionId": name, "FaceCount": count, "Index": homes[name]} for name, count in sizes.items()]
        terminal.say_json(listed)
        return
    if not sizes:
        terminal.note("There is no collection yet; `regard index FOLDER --collection NAME` makes one.")
        return
    all_embedded = set(homes.values()) == {EMBEDDED}
    rows = terminal.table("Collection", ">Faces", *([] if all_embedded else ["Index"]))
    for name, count in sizes.items():
        rows.add_row(name, f"{count:,}", *([] if all_embedded else [homes[name]]))
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
        opening.bring_on(chosen, opened, collections.delete(name))
    terminal.say(f"Deleted {name} and its {count:,} faces.")


app.command("export")(moving_commands.export)
app.command("import")(moving_commands.import_)
app.command("move")(moving_commands.move)
app.command("verify")(moving_commands.verify)
app.command("rebuild")(moving_commands.rebuild)
