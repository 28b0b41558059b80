"""`regard sign-in`: from now on commands ask a server, as whoever signed in; nothing of its home is needed."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from regard.bootstrap.accountability import local_operator
from regard.commands import context, terminal
from regard.commands.remote.kept_sign_in import KeptSignIn
from regard.commands.remote.server_client import Server
from regard.commands.terminal import Home
from regard.errors import CodeNeeded, InvalidParameter

app = typer.Typer(add_completion=False)


@app.command()
def sign_in(
    server: Annotated[str, typer.Argument(help="The server's address, such as https://regard.example.org.")],
    *,
    login: Annotated[str | None, typer.Option(help="Your login; the name of your account here unless given.")] = None,
    authority: Annotated[
        Path | None, typer.Option("--ca", help="A file of certificates to check the server's with; the system's, else.")
    ] = None,
    home: Home = None,
) -> None:
    """Sign in to a server. Your password is asked for, and the code of your authenticator app if you have one; from a
    pipe, they are its first two lines. Until you sign out, or for twelve hours, these commands ask that server:
    authorise, cases, incidents, ledger, people, report, review, services, subject, suspend, suspensions, thresholds.

    Example: [bold]regard sign-in https://regard.example.org --login ada[/]
    """
    chosen, name = context.settings(home), login or local_operator().principal.name
    asked = Server(server, authority=None if authority is None else str(authority.absolute()))
    password = _typed("Password", hidden=True)
    given = {"login": name, "password": password}
    try:
        said = asked.post("/sign-in", given)
    except CodeNeeded:
        said = asked.post("/sign-in", given | {"code": _typed("Code of your authenticator app")})
    kept = KeptSignIn(
        server=asked.address,
        login=name,
        token=said["token"],
        ends_at=datetime.fromisoformat(said["ends_at"]),
        authority=None if authority is None else str(authority.absolute()),
    )
    kept.keep(chosen.home)
    me = Server(kept.server, kept.token, kept.authority).get("/me")
    terminal.say(f"Signed in to {kept.server} as {me['name']}, until {kept.ends_at:%Y-%m-%d %H:%M} UTC.")
    if me.get("must_set_password"):
        terminal.note(
            "Somebody else has set your password, and knows it. Nothing else is allowed before you have set your own: "
            f"{context.with_home('people password', home)}, and then sign in again."
        )
    terminal.note(
        f"Roles: {', '.join(me['roles']) or 'none are asked for'}. {context.with_home('sign-out', home)} ends it."
    )


def _typed(what: str, *, hidden: bool = False) -> str:
    """Never an argument: those are seen by everybody on the machine, and kept by the shell."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=hidden))
    typed = sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise InvalidParameter(f"{what}: give it on the standard input, a line each, or type it at a terminal.")
    return typed
