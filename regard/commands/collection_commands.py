"""`regard collections`: what there is to search in. Moving them has a file of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from regard.commands import context, terminal, transfer_commands
from regard.commands.terminal import Home, Json
from regard.domain.galleries import EMBEDDED
from regard.store.collection_rows import CollectionRows

app = typer.Typer(help="List, move, check and delete collections.", no_args_is_help=True, add_completion=False)


@app.command("list")
def show(home: Home = None, as_json: Json = False) -> None:
    """Show every collection and how many faces it holds."""
    chosen = context.settings(home)
    with context.store(chosen) as opened:
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
    """Delete a collection with all its faces, for good. ImageLoader are left alone."""
    chosen = context.settings(home)
    with context.store(chosen) as opened:
        collections = CollectionRows(opened)
        count = collections.face_count(collections.get(name).key)
        if not yes:
            typer.confirm(f"Delete {name} and its {count:,} faces, for good?", abort=True)
        context.bring_on(chosen, opened, collections.delete(name))
    terminal.say(f"Deleted {name} and its {count:,} faces.")


app.command("export")(transfer_commands.export)
app.command("import")(transfer_commands.import_)
app.command("move")(transfer_commands.move)
app.command("verify")(transfer_commands.verify)
app.command("rebuild")(transfer_commands.rebuild)
