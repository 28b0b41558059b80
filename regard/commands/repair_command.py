"""`regard collections repair`: remove from the database what is damaged."""

from __future__ import annotations

from typing import Annotated

import typer

from regard.bootstrap.engine import open_engine
from regard.bootstrap.register import open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.terminal import Home
from regard.engine.transfer.integrity import SHOWN

Which = Annotated[str | None, typer.Argument(help="The collection; all of them unless given.", show_default=False)]


def repair(
    name: Which = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is damaged, and change nothing.")] = False,
    home: Home = None,
) -> None:
    """Show what is damaged in the database, and remove it once you confirm.

    A damaged face goes for good: index its picture again. A user's damaged vector is made of their faces again; a time
    that is none becomes 1970, tags that are none are emptied. Servers may keep running.

    Example: [bold]regard collections repair people --dry-run[/]
    """
    chosen = context.settings(home)
    with granted(chosen, "collections repair", collection=name) as grant, open_register(chosen) as register:
        with terminal.progress() as report:
            which = register.integrity.collections(grant, name)
            found = [(each, register.integrity.damage(grant, each, report)) for each in which]
        count = sum(len(damage) for _, damage in found)
        for collection, damage in found:
            for each in damage if dry_run else damage[:SHOWN]:
                terminal.say(f"{collection.id}: {each}")
            if len(damage) > SHOWN and not dry_run:
                terminal.say(f"{collection.id}: ... and {len(damage) - SHOWN:,} more; --dry-run shows all")
        if count == 0:
            terminal.say(f"{len(which):,} collections: nothing is damaged.")
            return
        if dry_run:
            raise typer.Exit(1)
        if not yes:
            typer.confirm(f"Remove what is damaged, {count:,} in all, for good?", abort=True)
        for collection, damage in found:
            if damage:
                register.integrity.repair(grant, collection, damage)
                context.bring_on(register, grant, collection)
    with terminal.progress() as report, open_engine(chosen, report):
        pass  # opening the engine takes out of the index's files what is gone
    terminal.say(f"Removed what was damaged, {count:,} in all.")
