"""`regard people password`, `totp`, `passkeys` and `identity`: what somebody signs in with."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape

from regard.bootstrap.register import open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.desk import desk, you
from regard.commands.elsewhere import check_here
from regard.commands.terminal import Home, Json
from regard.errors import InvalidParameter

WhoOrYou = Annotated[
    str | None, typer.Argument(metavar="[WHO]", help="A person's login, id or name; you, unless given.")
]


def password(
    who: WhoOrYou = None,
    remove: Annotated[bool, typer.Option("--remove", help="They sign in by other means from now on.")] = False,
    home: Home = None,
) -> None:
    """Set your password, or, as an administrator, somebody's. It is asked for, or read from a pipe's first line.
    Whatever they had signed in to ends.

    Example: [bold]regard people password ada[/]
    """
    chosen = context.settings(home)
    theirs = who or you(chosen)
    with desk(chosen, "people password") as at:
        means = at.means
        person = means.remove_password(theirs) if remove else means.set_password(theirs, _new_password())
    terminal.say(f"{person.name} has {'no password any more' if remove else 'a new password'}.")


def totp(
    who: WhoOrYou = None,
    remove: Annotated[bool, typer.Option("--remove", help="Ask for no code any more: the phone is lost.")] = False,
    home: Home = None,
) -> None:
    """Have an authenticator app's code asked for beside the password. What the app needs is shown now and never
    again."""
    chosen = context.settings(home)
    theirs = who or you(chosen)
    with desk(chosen, "people totp") as at:
        if remove:
            person = at.means.remove_codes(theirs)
            terminal.say(f"{person.name} is asked for no code any more.")
            return
        person, address = at.means.new_codes(theirs)
    terminal.say(address)
    terminal.note(f"Give this to {person.name}'s authenticator app, by hand or as a QR code, and to nobody else.")


def passkeys(
    who: WhoOrYou = None,
    remove: Annotated[str | None, typer.Option(metavar="ID", help="Remove this one: it is lost.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show somebody's passkeys, or remove one. They are made in the browser, by whoever has signed in."""
    chosen = context.settings(home)
    check_here(chosen, "people passkeys")
    theirs = who or you(chosen)
    with granted(chosen, "people passkeys") as grant, open_register(chosen) as register:
        if remove is not None:
            person = register.sign_in_means.remove_passkey(grant, theirs, remove)
            terminal.say(f"Removed that passkey of {person.name}.")
            return
        found = register.sign_in_means.passkeys(grant, theirs)
    if as_json:
        terminal.say_json(
            [{"Id": each.id, "Name": each.name, "CreatedAt": each.created_at.isoformat()} for each in found]
        )
        return
    if not found:
        terminal.note(f"{theirs} has no passkeys.")
        return
    rows = terminal.table("<Passkey", "~Name", "Made")
    for each in found:
        rows.add_row(escape(each.id), escape(each.name), f"{each.created_at:%Y-%m-%d}")
    terminal.out().print(rows)


def identity(
    who: Annotated[str, typer.Argument(metavar="WHO", help="A person's login, id or name.")],
    issuer: Annotated[str | None, typer.Option(help="The provider's address, as its tokens have it.")] = None,
    subject: Annotated[str | None, typer.Option(help="The subject it knows them by.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="They are not that subject any more.")] = False,
    home: Home = None,
) -> None:
    """Let an identity provider's subject (OpenID Connect) sign in as a person; without a subject, show theirs.

    Example: [bold]regard people identity ada --issuer https://id.example.org --subject 8f1c[/]
    """
    chosen = context.settings(home)
    check_here(chosen, "people identity")
    with granted(chosen, "people identity") as grant, open_register(chosen) as register:
        if issuer is None and subject is None:
            found = register.sign_in_means.identities(grant, who)
            terminal.say("\n".join(f"{by}  {name}" for by, name in found) or f"{who} is nobody elsewhere.")
            return
        if issuer is None or subject is None:
            raise InvalidParameter("Give both --issuer and --subject.")
        if remove:
            person = register.sign_in_means.remove_identity(grant, who, issuer, subject)
        else:
            person = register.sign_in_means.add_identity(grant, who, issuer, subject)
    terminal.say(f"{person.name} is {'no longer ' if remove else ''}{subject} of {issuer}.")


def _new_password() -> str:
    """Never an argument: those are seen by everybody on the machine, and kept by the shell."""
    if sys.stdin.isatty():
        return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True))
    typed = sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise InvalidParameter("Give the password on the standard input, or type it at a terminal.")
    return typed
