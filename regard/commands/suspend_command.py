"""`regard suspend`: stop everything, a collection, a person, a service or an authorisation, in one call."""

from __future__ import annotations

import typer

from regard.commands.suspension_commands import suspend

app = typer.Typer(add_completion=False, rich_markup_mode="rich")
app.command()(suspend)
