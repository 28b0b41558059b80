"""`regard collections`: list and delete them. What moves or checks whole collections is in `transfer_commands`."""

from __future__ import annotations

from typing import Annotated

import typer

from regard.bootstrap.register import open_register
from regard.commands import context, remake_command, repair_command, terminal, transfer_commands
from regard.commands.acts import granted
from regard.commands.desk import galleries_of
from regard.commands.terminal import Home, Json
from regard.domain.galleries import EMBEDDED

app = typer.Typer(help="List, move, check and delete collections.", no_args_is_help=True, add_completion=False)


@app.command("list")
def show(home: Home = None, as_json: Json = False) -> None:
    """Show every collection and how many faces it holds."""
    chosen = context.settings(home)
    if (there := galleries_of(chosen)) is not None:
        found = there.sizes()
    else:
        with granted(chosen, "collections list") as grant, open_register(chosen) as register:
            found = register.galleries.sizes(grant)
    if as_json:
        listed = [
            {
                "CollectionId": each.collection.id,
                "FaceCount": each.faces,
                "FaceModelVersion": each.collection.face_model,
                "Index": each.collection.index,
            }
            for each in found
        ]
        terminal.say_json(listed)
        return
    if not found:
        terminal.note("There are no collections yet; `regard index FOLDER --collection NAME` creates one.")
        return
    all_embedded = all(each.collection.index == EMBEDDED for each in found)
    rows = terminal.table("Collection", ">Faces", "Face model", *([] if all_embedded else ["Index"]))
    for each in found:
        index = [] if all_embedded else [each.collection.index]
        rows.add_row(each.collection.id, f"{each.faces:,}", each.collection.face_model, *index)
    terminal.out().print(rows)


@app.command()
def delete(
    name: Annotated[str, typer.Argument(help="The collection to delete.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    home: Home = None,
) -> None:
    """Delete a collection and all its faces, for good. The pictures are not touched."""
    chosen = context.settings(home)
    if (there := galleries_of(chosen)) is not None:
        count = there.size(name)
        _confirm(name, count, yes)
        there.delete(name)
        terminal.say(f"Deleted {name} and its {count:,} faces.")
        return
    with granted(chosen, "collections delete", collection=name) as grant, open_register(chosen) as register:
        collection = register.galleries.get(grant, name)
        count = register.integrity.size(grant, collection)
        _confirm(name, count, yes)
        register.galleries.delete(grant, name)
        context.bring_on(register, grant, collection)
        register.erase(grant, collection)
    terminal.say(f"Deleted {name} and its {count:,} faces.")


def _confirm(name: str, count: int, yes: bool) -> None:
    if not yes:
        typer.confirm(f"Delete {name} and its {count:,} faces, for good?", abort=True)


app.command("export")(transfer_commands.export)
app.command("import")(transfer_commands.import_)
app.command("move")(transfer_commands.move)
app.command("verify")(transfer_commands.verify)
app.command("repair")(repair_command.repair)
app.command("remake")(remake_command.remake)
app.command("rebuild")(transfer_commands.rebuild)
