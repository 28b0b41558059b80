"""`regard thresholds`: the lowest similarity at which a collection may be searched."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from regard.commands import context, terminal
from regard.commands.desk import desk
from regard.commands.terminal import Home, Json
from regard.domain.thresholds import ThresholdChange

app = typer.Typer(
    help="Lower a collection's threshold with two people, or raise it.", no_args_is_help=True, add_completion=False
)
Collection = Annotated[str, typer.Argument(help="The collection.", show_default=False)]
Threshold = Annotated[float, typer.Argument(min=0, max=100, help="The similarity, 0 to 100.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why; it is for the public to read.")]


@app.command()
def lower(
    collection: Collection,
    threshold: Threshold,
    *,
    reason: Reason,
    evaluation: Annotated[str, typer.Option(metavar="ID", help="The evaluation whose error rates it stands on.")],
    home: Home = None,
) -> None:
    """Ask for a lower threshold than the profile's. Another person approves it."""
    chosen = context.settings(home)
    with desk(chosen, "thresholds lower", collection=collection) as at:
        at.thresholds.lower(collection, threshold, reason=reason, evaluation_id=evaluation)
    terminal.say(f"Asked for {threshold:g} in {collection}; nothing has changed yet.")
    approving = context.with_home(f"thresholds approve {collection} {threshold:.15g}", home)
    terminal.note(f"Somebody else approves it with {approving}.")


@app.command()
def approve(collection: Collection, threshold: Threshold, home: Home = None) -> None:
    """Approve the lower threshold that another person asked for last, and no other."""
    chosen = context.settings(home)
    with desk(chosen, "thresholds approve", collection=collection) as at:
        change = at.thresholds.approve(collection, threshold)
    terminal.say(
        f"Approved: {collection} may be searched at {change.threshold:.15g} or more, instead of "
        f"{change.threshold_before:g}. Reason: {change.reason} (evaluation {change.evaluation_id})"
    )


@app.command("raise")
def raise_(collection: Collection, threshold: Threshold, *, reason: Reason, home: Home = None) -> None:
    """Raise a threshold, at once."""
    chosen = context.settings(home)
    with desk(chosen, "thresholds raise", collection=collection) as at:
        at.thresholds.raise_to(collection, threshold, reason=reason)
    terminal.say(f"{collection} may be searched at {threshold:g} or more.")


@app.command("list")
def show(collection: Collection, as_json: Json = False, home: Home = None) -> None:
    """List every change of a collection's threshold."""
    chosen = context.settings(home)
    with desk(chosen, "thresholds list", collection=collection) as at:
        found = at.thresholds.of(collection)
    if as_json:
        terminal.say_json([{name: getattr(each, name) for name in ThresholdChange.__slots__} for each in found])
        return
    if not found:
        terminal.note(f"The threshold of {collection} was never changed: its profile's holds.")
        return
    rows = terminal.table(">From", ">To", "State", "Asked", "Reason", each="Change")
    for each in found:
        state = "waits" if each.approved_at is None else "approved"
        rows.add_row(
            f"{each.threshold_before:g}",
            f"{each.threshold:.15g}",
            state,
            f"{each.requested_at:%Y-%m-%d %H:%M}",
            escape(each.reason),
        )
    terminal.out().print(rows)
