"""`regard sweep`: erase what is kept for longer than the rules allow."""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from typing import Annotated

import typer
from rich.markup import escape

from regard.accountability.gate import Grant
from regard.bootstrap.register import open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.terminal import Home, Json
from regard.domain.erasures import ErasureReceipt

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def sweep(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is due; erase nothing.")] = False,
    receipts: Annotated[
        int, typer.Option(min=0, max=10_000, metavar="N", help="Show the last N receipts instead.")
    ] = 0,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Erase what is kept for longer than the rules allow. A running server does so by itself, each minute.

    Example: [bold]regard sweep --dry-run[/]
    """
    chosen = context.settings(home)

    def opening(collection: str | None) -> AbstractContextManager[Grant]:
        return granted(chosen, "sweep", collection=collection)

    with opening(None) as grant, open_register(chosen) as register:
        retention, shown, erased = register.keeping.retention, list[ErasureReceipt](), dict[str, int]()
        if receipts:
            shown = retention.receipts(grant, receipts)
        elif dry_run:
            erased = dict(Counter(each.kind for each in retention.planned()))
        else:
            erased = retention.sweep(opening)
            register.bring_on_all(grant)
    if receipts:
        _show(shown, as_json)
    elif as_json:
        terminal.say_json(erased)
    elif not erased:
        terminal.say("Nothing is due.")
    else:
        verb = "Due" if dry_run else "Erased"
        for kind, count in sorted(erased.items()):
            terminal.say(f"{verb}: {kind}, {count:,}.")


def _show(found: list[ErasureReceipt], as_json: bool) -> None:
    if as_json:
        terminal.say_json(
            [
                {
                    "Id": each.id,
                    "Kind": each.kind,
                    "Reason": each.reason,
                    "Facts": dict(each.facts),
                    "ErasedBy": each.erased_by,
                    "ErasedAt": each.erased_at.isoformat(),
                }
                for each in found
            ]
        )
        return
    rows = terminal.table("Erased", "What", ">Count", "~Why", "Receipt")
    for each in found:
        count = str(each.facts.get("count", ""))
        rows.add_row(f"{each.erased_at:%Y-%m-%d %H:%M}", each.kind, count, escape(each.reason), each.id)
    terminal.out().print(rows)
