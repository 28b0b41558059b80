"""`regard report`: what the public, courts, auditors and those who are concerned are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from regard.accountability.reports.notice_report import Sign
from regard.bootstrap.register import open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.demographics import read_demographics
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
    with granted(chosen, "report accountability") as grant, open_register(chosen) as register:
        write(register.reports.public.accountability(grant), output)


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
    with granted(chosen, "report transparency") as grant, open_register(chosen) as register:
        write(register.reports.public.transparency(grant, *_period(since, until), records), output)


@app.command()
def case(case_id: CaseArgument, collection: OfCollection = None, output: Output = None, home: Home = None) -> None:
    """All that is recorded of a case, with proofs: for those who defend a person, and for those who oversee."""
    chosen = context.settings(home)
    with granted(chosen, "report case", collection=collection) as grant, open_register(chosen) as register:
        bundle = register.reports.cases.case(grant, case_id)
    write(bundle.report, output, bundle.proofs)


@app.command()
def warrant(case_id: CaseArgument, collection: OfCollection = None, output: Output = None, home: Home = None) -> None:
    """One page for papers to a court: that a face search was made, and what speaks against relying on it."""
    chosen = context.settings(home)
    with granted(chosen, "report warrant", collection=collection) as grant, open_register(chosen) as register:
        write(register.reports.cases.warrant(grant, case_id), output)


@app.command()
def searches(
    naming: Annotated[str, typer.Option(metavar="FACE", help="A face id.")],
    collection: OfCollection = None,
    output: Output = None,
    home: Home = None,
) -> None:
    """Every search that returned a face, and where it stood: also those in which somebody else came first."""
    chosen = context.settings(home)
    with granted(chosen, "report searches", collection=collection) as grant, open_register(chosen) as register:
        write(register.reports.cases.naming(grant, naming), output)


@app.command()
def audit(since: Since, until: Until, output: Output = None, home: Home = None) -> None:
    """Check every search of a period against every rule once more, from the records alone, and list the exceptions."""
    chosen = context.settings(home)
    with granted(chosen, "report audit") as grant, open_register(chosen) as register:
        made = register.reports.audit.run(grant, *_period(since, until))
    write(made, output)
    found = made.data["exceptions"]
    terminal.say(f"{made.data['searches']:,} searches were checked; exceptions: {len(found) if found else 'none'}.")  # type: ignore[arg-type]


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
    with granted(chosen, "report notice") as grant, open_register(chosen) as register:
        write(register.reports.public.notice(grant, sign), output)


@app.command()
def assessment(output: Output = None, home: Home = None) -> None:
    """A form for an assessment (DPIA, FRIA), filled in as far as the configuration answers it."""
    chosen = context.settings(home)
    with granted(chosen, "report assessment") as grant, open_register(chosen) as register:
        write(register.reports.public.assessment(grant), output)


def _period(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last."""
    return first.replace(tzinfo=UTC), last.replace(tzinfo=UTC) + timedelta(days=1)
