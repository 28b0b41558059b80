"""`regard keys`: the access keys that clients sign with."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from regard.bootstrap.register import open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.terminal import Home, Json

app = typer.Typer(help="Create, list and revoke access keys.", no_args_is_help=True, add_completion=False)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="The key's name in `regard keys list`, such as its holder.")] = "default",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Create an access key. Its secret is shown now and never again.

    Example: [bold]regard keys create --name "front desk"[/]
    """
    chosen = context.settings(home)
    with granted(chosen, "keys create") as grant, open_register(chosen) as register:
        grant.note(key_name=name)
        access_key_id, secret = register.access_keys.create(name)
    if as_json:
        terminal.say_json({"AccessKeyId": access_key_id, "SecretAccessKey": secret})
        return
    terminal.say(f"AccessKeyId:     {access_key_id}\nSecretAccessKey: {secret}")
    terminal.note("The secret cannot be shown again: keep it now.")


@app.command("list")
def show(home: Home = None) -> None:
    """Show every key ever created, without its secret."""
    chosen = context.settings(home)
    with granted(chosen, "keys list"), open_register(chosen) as register:
        keys = register.access_keys.list()
    if not keys:
        terminal.note(f"There are no access keys yet; {context.with_home('keys create', home)} creates one.")
        return
    rows = terminal.table("AccessKeyId", "Name", "Created", "State")
    for key in keys:
        state = "active" if key.revoked_at is None else f"[red]revoked[/] {key.revoked_at:%Y-%m-%d %H:%M} UTC"
        rows.add_row(key.access_key_id, escape(key.name), f"{key.created_at:%Y-%m-%d %H:%M} UTC", state)
    terminal.out().print(rows)


@app.command()
def revoke(
    access_key_id: Annotated[str, typer.Argument(metavar="ID", help="The AccessKeyId to revoke.")],
    home: Home = None,
) -> None:
    """Revoke an access key, for good. Servers refuse it within a second."""
    chosen = context.settings(home)
    with granted(chosen, "keys revoke") as grant, open_register(chosen) as register:
        grant.note(key=access_key_id)
        register.access_keys.revoke(access_key_id)
    terminal.say(f"Revoked {access_key_id}.")
