"""`regard evaluations`: the error rates that were measured."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from regard.bootstrap.register import open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.evaluation_tables import show as printed
from regard.commands.terminal import Home, Json

app = typer.Typer(help="List and show the error rates that were measured.", no_args_is_help=True, add_completion=False)


@app.command("list")
def listed(as_json: Json = False, home: Home = None) -> None:
    """List the evaluations, the newest first."""
    chosen = context.settings(home)
    with granted(chosen, "evaluations list") as grant, open_register(chosen) as register:
        found = register.reports.evaluation.all(grant)
    if as_json:
        terminal.say_json([asdict(each) for each in found])
        return
    if not found:
        terminal.note("Nothing was measured yet; `regard evaluate` does.")
        return
    rows = terminal.table("Evaluation", "Name", "Measured", "Face model", "Collection", ">People", each="Evaluation")
    for each in found:
        rows.add_row(
            each.id,
            escape(each.name),
            f"{each.measured_at:%Y-%m-%d}",
            each.face_model,
            escape(each.collection or ""),
            f"{each.rates.everybody.people:,}",
        )
    terminal.out().print(rows)


@app.command()
def show(
    evaluation: Annotated[str, typer.Argument(metavar="ID", help="The evaluation.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show an evaluation's rates."""
    chosen = context.settings(home)
    with granted(chosen, "evaluations show") as grant, open_register(chosen) as register:
        found = register.reports.evaluation.get(grant, evaluation)
    printed(found, as_json)
