"""`regard sign-out`: commands work in this machine's home again."""

from __future__ import annotations

import typer

from regard.commands import context, terminal
from regard.commands.remote.kept_sign_in import forget_sign_in, kept_sign_in
from regard.commands.remote.server_client import Server
from regard.commands.terminal import Home
from regard.errors import RegardError

app = typer.Typer(add_completion=False)


@app.command()
def sign_out(home: Home = None) -> None:
    """End your sign-in to a server, there and here."""
    chosen = context.settings(home)
    kept = kept_sign_in(chosen.home)
    if kept is None:
        terminal.note("You are not signed in to a server.")
        return
    forget_sign_in(chosen.home)
    try:
        Server(kept.server, kept.token, kept.authority).post("/sign-out")
    except RegardError as error:
        terminal.note(f"The server was not told, and lets the sign-in end by itself: {error.message}")
    terminal.say(f"Signed out of {kept.server}.")
