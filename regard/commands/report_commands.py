"""`regard report`: what the public, courts, auditors and those who are concerned are told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from regard.accountability.reports.notice_report import Sign
from regard.commands import context, terminal
from regard.commands.demographics import read_demographics
from regard.commands.desk import desk
from regard.commands.report_files import write
from regard.commands.terminal import Home

app = typer.Typer(
    help="Reports for the public, for courts and for auditors.", no_args_is_help=True, add_completion=False
)

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="A file that ends in .html, .pdf, .json or .csv, or a folder for all of them; a folder here, else.",
    ),
]
Since = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, by UTC.")]
Until = Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day, by UTC.")]
CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="The case's id.")]
OfCollection = Annotated[
    str | None, typer.Option("--collection", help="The collection, where it has a profile of its own.")
]


@app.command()
def accountability(output: Output = None, home: Home = None) -> None:
    """What the system is, what it can do and cannot, what it is used for, and how often it errs: for the public."""
    chosen = context.settings(home)
    with desk(chosen, "report accountability") as at:
        write(at.reports.accountability(), output)


@app.command()
def transparency(
    since: Since,
    until: Until,
    demographics: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="What your own records say of people: the column case, and any others."),
    ] = None,
    output: Output = None,
    home: Home = None,
) -> None:
    """What happened in a period, for the public: small numbers are left out, and others so that they stay unknown.

    A period is published once. Example: [bold]regard report transparency --from 2026-01-01 --to 2026-12-31[/]
    """
    chosen = context.settings(home)
    records = {} if demographics is None else read_demographics(demographics)
    with desk(chosen, "report transparency") as at:
        write(at.reports.transparency(since, until, records), output)


@app.command()
def case(case_id: CaseArgument, collection: OfCollection = None, output: Output = None, home: Home = None) -> None:
    """All that is recorded of a case, with proofs: for those who defend a person, and for those who oversee."""
    chosen = context.settings(home)
    with desk(chosen, "report case", collection=collection) as at:
        write(at.reports.case(case_id), output)


@app.command()
def warrant(case_id: CaseArgument, collection: OfCollection = None, output: Output = None, home: Home = None) -> None:
    """One page for papers to a court: that a face search was made, and what speaks against relying on it."""
    chosen = context.settings(home)
    with desk(chosen, "report warrant", collection=collection) as at:
        write(at.reports.warrant(case_id), output)


@app.command()
def searches(
    naming: Annotated[str, typer.Option(metavar="FACE", help="A face id.")],
    collection: OfCollection = None,
    output: Output = None,
    home: Home = None,
) -> None:
    """Every search that returned a face, and where it stood: also those in which somebody else came first."""
    chosen = context.settings(home)
    with desk(chosen, "report searches", collection=collection) as at:
        write(at.reports.searches(naming), output)


@app.command()
def audit(since: Since, until: Until, output: Output = None, home: Home = None) -> None:
    """Check every search of a period against every rule once more, from the records alone, and list the exceptions."""
    chosen = context.settings(home)
    with desk(chosen, "report audit") as at:
        made = at.reports.audit(since, until)
        write(made, output)
    found = made.data["exceptions"]
    terminal.say(f"{made.data['searches']:,} searches were checked; exceptions: {len(found) if found else 'none'}.")


@app.command()
def notice(
    place: Annotated[str, typer.Option(help="Where the sign is displayed.")],
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%dT%H:%M"], help="From when, by UTC.")],
    until: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%dT%H:%M"], help="Until when, by UTC.")],
    output: Output = None,
    home: Home = None,
) -> None:
    """A sign that says that faces are searched for here; the ledger hears where and when it is displayed."""
    chosen = context.settings(home)
    sign = Sign(place=place, since=since.replace(tzinfo=UTC), until=until.replace(tzinfo=UTC))
    with desk(chosen, "report notice") as at:
        write(at.reports.notice(sign), output)


@app.command()
def override(
    *,
    place: Annotated[str, typer.Option(help="Where no sign is displayed.")],
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%dT%H:%M"], help="From when, by UTC.")],
    until: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%dT%H:%M"], help="Until when, by UTC.")],
    reason: Annotated[str, typer.Option(help="Why not, such as a critical threat. The public reads it.")],
    output: Output = None,
    home: Home = None,
) -> None:
    """Record that faces are searched for without a sign, and why: the overseer decides it, and the ledger hears it."""
    chosen = context.settings(home)
    sign = Sign(place=place, since=since.replace(tzinfo=UTC), until=until.replace(tzinfo=UTC))
    with desk(chosen, "report override") as at:
        write(at.reports.override(sign, reason), output)


@app.command()
def assessment(output: Output = None, home: Home = None) -> None:
    """A form for an assessment (DPIA, FRIA), filled in as far as the configuration answers it."""
    chosen = context.settings(home)
    with desk(chosen, "report assessment") as at:
        write(at.reports.assessment(), output)
