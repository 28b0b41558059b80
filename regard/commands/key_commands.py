"""`regard keys`: who may call the server."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from regard.accountability.access_keys import AccessKeys
from regard.commands import context, terminal
from regard.commands.terminal import Home, Json
from regard.config.settings import Settings
from regard.store.database import Database
from regard.store.key_rows import KeyRows

app = typer.Typer(help="Create, list and revoke access keys.", no_args_is_help=True, add_completion=False)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Whose key it is, for `regard keys list`.")] = "default",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make an access key. Its secret is shown now and never again.

    Example: [bold]regard keys create --name "front desk"[/]
    """
    chosen = context.settings(home)
    with context.store(chosen) as opened:
        access_key_id, secret = _keys(chosen, opened).create(name)
    if as_json:
        terminal.say_json({"AccessKeyId": access_key_id, "SecretAccessKey": secret})
        return
    terminal.say(f"AccessKeyId:     {access_key_id}\nSecretAccessKey: {secret}")
    terminal.note("The secret cannot be shown again: keep it now.")


@app.command("list")
def show(home: Home = None) -> None:
    """Show every key ever made, without its secret."""
    chosen = context.settings(home)
    with context.store(chosen) as opened:
        keys = _keys(chosen, opened).list()
    if not keys:
        terminal.note(f"There is no access key yet; {context.with_home('keys create', home)} makes one.")
        return
    rows = terminal.table("AccessKeyId", "Name", "Created", "State")
    for key in keys:
        state = "in force" if key.revoked_at is None else f"[red]revoked[/] {key.revoked_at:%Y-%m-%d %H:%M} UTC"
        rows.add_row(key.access_key_id, escape(key.name), f"{key.created_at:%Y-%m-%d %H:%M} UTC", state)
    terminal.out().print(rows)


@app.command()
def revoke(
    access_key_id: Annotated[str, typer.Argument(metavar="ID", help="The AccessKeyId to end.")],
    home: Home = None,
) -> None:
    """End an access key's use, within a second and for good."""
    chosen = context.settings(home)
    with context.store(chosen) as opened:
        _keys(chosen, opened).revoke(access_key_id)
    terminal.say(f"Revoked {access_key_id}.")


def _keys(chosen: Settings, opened: Database) -> AccessKeys:
    return AccessKeys(chosen.home, KeyRows(opened))
