"""`regard suspend` and `regard suspensions`: stop everything, a collection, a person or an authorisation at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from regard.commands import context, terminal
from regard.commands.desk import desk
from regard.commands.terminal import Home, Json

app = typer.Typer(help="List and lift suspensions.", no_args_is_help=True, add_completion=False)


class Kind(StrEnum):
    """What can be suspended."""

    EVERYTHING = "everything"
    COLLECTION = "collection"
    PERSON = "person"
    SERVICE = "service"
    AUTHORISATION = "authorisation"


def suspend(
    what: Annotated[Kind, typer.Argument(help="What to stop.")],
    name: Annotated[str, typer.Argument(help="Which: a collection, a person's id or login, an authorisation.")] = "",
    *,
    reason: Annotated[str, typer.Option(help="Why.")],
    home: Home = None,
) -> None:
    """Stop detecting, comparing, searching, enrolling and exporting, in every server within a second. Reading and
    deleting go on, so that things can be put right.

    Example: [bold]regard suspend collection watch-list --reason "the warrant was withdrawn"[/]
    """
    chosen = context.settings(home)
    with desk(chosen, "suspend") as at:
        made = at.suspensions.begin(what.value, name, reason)
    shown = "Everything" if what is Kind.EVERYTHING else f"The {what.value} {name}"
    terminal.say(f"{shown} is suspended, as number {made.key}.")
    terminal.note(f"{context.with_home(f'suspensions lift {made.key}', home)} lifts it.")


@app.command("list")
def show(
    ended: Annotated[bool, typer.Option("--ended", help="Those that were lifted too.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what is suspended, since when, by whom and why."""
    chosen = context.settings(home)
    with desk(chosen, "suspensions list") as at:
        found = at.suspensions.list(ended=ended)
    if as_json:
        terminal.say_json(
            [
                {
                    "Number": each.key,
                    "Kind": each.kind,
                    "Subject": each.subject or None,
                    "Reason": each.reason,
                    "StartedBy": each.started_by,
                    "StartedAt": each.started_at.isoformat(),
                    "EndedBy": each.ended_by,
                    "EndedAt": each.ended_at and each.ended_at.isoformat(),
                }
                for each in found
            ]
        )
        return
    if not found:
        terminal.note("Nothing is suspended.")
        return
    rows = terminal.table(">Number", "What", "Since", "By", "~Reason")
    for each in found:
        what = each.kind if not each.subject else f"{each.kind} {each.subject}"
        state = f"{each.started_at:%Y-%m-%d %H:%M}" + (
            f", lifted {each.ended_at:%Y-%m-%d %H:%M}" if each.ended_at else ""
        )
        rows.add_row(str(each.key), escape(what), state, each.started_by or "–", escape(each.reason))
    terminal.out().print(rows)


@app.command()
def lift(
    number: Annotated[int, typer.Argument(help="Its number in `regard suspensions list`.")], home: Home = None
) -> None:
    """Lift a suspension. Where people are known, it takes another person than who began it."""
    chosen = context.settings(home)
    with desk(chosen, "suspensions lift") as at:
        at.suspensions.lift(number)
    terminal.say(f"Lifted the suspension {number}.")
