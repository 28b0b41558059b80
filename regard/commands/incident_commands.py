"""`regard incidents`: what went wrong, who must be told by when, and signs of abuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from regard.commands import context, terminal
from regard.commands.desk import desk
from regard.commands.terminal import Home, Json
from regard.domain.incidents import Incident

app = typer.Typer(
    help="What went wrong, who must be told by when, and signs of abuse.", no_args_is_help=True, add_completion=False
)


class Kind(StrEnum):
    """What an incident can be."""

    MISUSE = "misuse"
    BREACH = "breach"
    WRONG_IDENTIFICATION = "wrong-identification"
    MALFUNCTION = "malfunction"
    RULE_BROKEN = "rule-broken"


class Severity(StrEnum):
    """How bad it is; recipients of a critical one are to be told at once."""

    LOW = "low"
    SERIOUS = "serious"
    CRITICAL = "critical"


Id = Annotated[str, typer.Argument(metavar="ID", help="Its id in `regard incidents list`.")]


@app.command("open")
def open_(
    kind: Annotated[Kind, typer.Argument(help="What it is.")],
    description: Annotated[str, typer.Argument(help="What happened.")],
    *,
    severity: Annotated[Severity, typer.Option(help="How bad it is.")] = Severity.SERIOUS,
    recipient: Annotated[
        list[str] | None, typer.Option(help="Who must be told; those of the settings unless given. May be repeated.")
    ] = None,
    home: Home = None,
) -> None:
    """Open an incident. Its recipients must be told within the hours of the profile; at once of a critical one.

    Example: [bold]regard incidents open misuse "a search without a case" --recipient "the police commission"[/]
    """
    chosen = context.settings(home)
    with desk(chosen, "incidents open") as at:
        made = at.incidents.open(kind.value, severity.value, description, recipient or [])
    terminal.say(f"Opened the incident {made.id}.")
    for each in made.notices:
        terminal.note(f"{each.recipient} must be told by {each.due_at:%Y-%m-%d %H:%M} UTC.")
    if not made.notices:
        terminal.note("Nobody is to be told of it; say who with --recipient, or [accountability] incident_recipients.")


@app.command("list")
def show_all(
    closed: Annotated[bool, typer.Option("--closed", help="Those that are closed too.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show the incidents, and which are overdue."""
    chosen = context.settings(home)
    with desk(chosen, "incidents list") as at:
        found = at.incidents.list(closed=closed)
    if as_json:
        terminal.say_json([_shape(each) for each in found])
        return
    if not found:
        terminal.note("There are no open incidents.")
        return
    rows = terminal.table("Id", "Kind", "Severity", "Opened", "State", "~Description")
    for each in found:
        opened = f"{each.opened_at:%Y-%m-%d %H:%M}"
        rows.add_row(each.id, each.kind, each.severity, opened, _state(each), escape(each.description))
    terminal.out().print(rows)


@app.command()
def show(incident: Id, home: Home = None, as_json: Json = False) -> None:
    """Show an incident, and who was told of it."""
    chosen = context.settings(home)
    with desk(chosen, "incidents show") as at:
        found = at.incidents.get(incident)
    if as_json:
        terminal.say_json(_shape(found))
        return
    terminal.say(f"{found.id}  {found.kind}, {found.severity}, opened {found.opened_at:%Y-%m-%d %H:%M} UTC")
    terminal.say(found.description)
    for each in found.notices:
        told = f"told {each.notified_at:%Y-%m-%d %H:%M} UTC" if each.notified_at else "not told"
        late = " – overdue" if each.overdue(datetime.now(UTC)) else ""
        terminal.say(f"  {each.recipient}: due {each.due_at:%Y-%m-%d %H:%M} UTC, {told}{late}")
    if found.closed_at:
        terminal.say(f"Closed {found.closed_at:%Y-%m-%d %H:%M} UTC: {found.resolution}")


@app.command()
def notify(
    incident: Id,
    recipient: Annotated[str, typer.Argument(help="Who was told.")],
    reference: Annotated[str | None, typer.Option(help="How: a letter's or a message's reference.")] = None,
    home: Home = None,
) -> None:
    """Record that somebody was told of an incident. Regard tells nobody by itself."""
    chosen = context.settings(home)
    with desk(chosen, "incidents notify") as at:
        found = at.incidents.notify(incident, recipient, reference)
    left = [each.recipient for each in found.notices if each.notified_at is None]
    terminal.say(f"{recipient} was told of {incident}." + (f" Still to be told: {', '.join(left)}." if left else ""))


@app.command()
def close(incident: Id, resolution: Annotated[str, typer.Option(help="How it ended.")], home: Home = None) -> None:
    """Close an incident, once everybody was told who must be."""
    chosen = context.settings(home)
    with desk(chosen, "incidents close") as at:
        at.incidents.close(incident, resolution)
    terminal.say(f"Closed the incident {incident}.")


@app.command()
def signals(
    days: Annotated[float, typer.Option(min=0.01, max=3660, help="How far back to look.")] = 1.0,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List signs of abuse in what the ledger recorded: too many searches in short time, one face again and again,
    refusals in a row, searches at night, comparisons in bulk, exports. A sign proves nothing: find out."""
    chosen = context.settings(home)
    with desk(chosen, "incidents signals") as at:
        found = at.signals.signals(timedelta(days=days))
    if as_json:
        terminal.say_json(
            [
                {
                    "Kind": each.kind,
                    "Who": each.who,
                    "Count": each.count,
                    "Since": each.since.isoformat(),
                    "Until": each.until.isoformat(),
                    "Severity": each.severity,
                    "Description": each.description,
                }
                for each in found
            ]
        )
        return
    if not found:
        terminal.note("No signs of abuse were found in what the ledger recorded in that time.")
        return
    rows = terminal.table("Sign", "Who", ">Count", "Since", "Severity", "~What")
    for each in found:
        since = f"{each.since:%Y-%m-%d %H:%M}"
        rows.add_row(each.kind, escape(each.who), f"{each.count:,}", since, each.severity, escape(each.description))
    terminal.out().print(rows)


def _state(incident: Incident) -> str:
    if incident.closed_at:
        return "closed"
    if incident.overdue(datetime.now(UTC)):
        return "[bold red]overdue[/]"
    return "open" if any(each.notified_at is None for each in incident.notices) else "told"


def _shape(incident: Incident) -> dict[str, Any]:
    return {
        "Id": incident.id,
        "Kind": incident.kind,
        "Severity": incident.severity,
        "Description": incident.description,
        "Facts": dict(incident.facts),
        "OpenedBy": incident.opened_by,
        "OpenedAt": incident.opened_at.isoformat(),
        "Overdue": incident.closed_at is None and incident.overdue(datetime.now(UTC)),
        "ClosedAt": incident.closed_at and incident.closed_at.isoformat(),
        "Resolution": incident.resolution,
        "Notices": [
            {
                "Recipient": each.recipient,
                "DueAt": each.due_at.isoformat(),
                "NotifiedAt": each.notified_at and each.notified_at.isoformat(),
                "Reference": each.reference,
            }
            for each in incident.notices
        ],
    }
