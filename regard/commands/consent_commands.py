"""`regard consents`: written releases, recorded, listed and withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from regard.bootstrap.register import open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.terminal import Home, Json
from regard.errors import InvalidParameter

app = typer.Typer(help="Record, list and withdraw written releases.", no_args_is_help=True, add_completion=False)

Collection = Annotated[str, typer.Option(help="The collection it is for.")]
Subject = Annotated[str, typer.Argument(help="The user id, or the external image id of their pictures.")]


@app.command()
def record(  # noqa: PLR0913 - the options of a command
    subject: Subject,
    *,
    collection: Collection,
    purpose: Annotated[str, typer.Option(help="What they agreed to, in a word.")],
    text: Annotated[Path, typer.Option(help="The file with the text that they were shown; kept with the release.")],
    signed: Annotated[str, typer.Option(help="The name that they typed or signed with.")],
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day on which it ends, by UTC.")
    ] = None,
    home: Home = None,
) -> None:
    """Record that somebody was shown a text and agreed to it. One for each person and purpose.

    Example: [bold]regard consents record ada --collection staff --purpose door --text form.txt --signed "Ada K."[/]
    """
    chosen = context.settings(home)
    with granted(chosen, "consents record", collection=collection) as grant, open_register(chosen) as register:
        made = register.keeping.consents.record(
            grant,
            collection,
            subject,
            purpose,
            text=_text(text),
            signed_name=signed,
            expires_at=until and until.replace(tzinfo=UTC),
        )
    terminal.say(f"Recorded the consent of {subject} to {purpose}, as {made.id}.")


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"{terminal.readable(file)} cannot be read as text in UTF-8.") from error


@app.command("list")
def show(
    collection: Collection,
    subject: Annotated[str | None, typer.Argument(help="Only those of this subject.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show who agreed to what, and whether that still holds."""
    chosen, now = context.settings(home), datetime.now(UTC)
    with granted(chosen, "consents list", collection=collection) as grant, open_register(chosen) as register:
        found = register.keeping.consents.list(grant, collection, subject)
    if as_json:
        terminal.say_json(
            [
                {
                    "Id": each.id,
                    "Subject": each.subject,
                    "Purpose": each.purpose,
                    "SignedName": each.signed_name,
                    "TextSha256": each.text_sha256,
                    "GivenAt": each.given_at.isoformat(),
                    "ExpiresAt": each.expires_at and each.expires_at.isoformat(),
                    "WithdrawnAt": each.withdrawn_at and each.withdrawn_at.isoformat(),
                    "Valid": each.valid(now),
                }
                for each in found
            ]
        )
        return
    if not found:
        terminal.note(f"No consents are recorded in {collection}.")
        return
    rows = terminal.table("Subject", "Purpose", "Signed", "Given", "State")
    for each in found:
        withdrawn = f"withdrawn {each.withdrawn_at:%Y-%m-%d}" if each.withdrawn_at else "expired"
        state = "valid" if each.valid(now) else withdrawn
        cells = (each.subject, each.purpose, each.signed_name, f"{each.given_at:%Y-%m-%d}", state)
        rows.add_row(*map(escape, cells))
    terminal.out().print(rows)


@app.command()
def withdraw(
    subject: Subject,
    *,
    collection: Collection,
    purpose: Annotated[str | None, typer.Option(help="Only the consent to this purpose.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    home: Home = None,
) -> None:
    """Withdraw what somebody agreed to. Without a consent that is left, their faces are erased, for good."""
    chosen = context.settings(home)
    if not yes:
        typer.confirm(f"Withdraw the consent of {subject} in {collection}, and erase their faces?", abort=True)
    with granted(chosen, "consents withdraw", collection=collection) as grant, open_register(chosen) as register:
        erased = register.keeping.consents.withdraw(grant, collection, subject, purpose)
    terminal.say(f"Withdrew the consent of {subject}; {len(erased):,} faces were erased.")
