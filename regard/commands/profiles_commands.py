"""`regard profiles`: the rules there are to choose from, each with where it comes from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from regard.accountability.profiles.catalogue import OVERLAYS, PROFILES, named
from regard.accountability.profiles.rules import Rules, Source
from regard.accountability.profiles.strictness import demands
from regard.bootstrap.rules import rules_of
from regard.commands import context, terminal
from regard.commands.terminal import Home, Json
from regard.errors import InvalidParameter

app = typer.Typer(
    help="The profiles there are, and where their rules come from.", no_args_is_help=True, add_completion=False
)
_MARKS = {
    "V": "the text itself was read",
    "V2": "a report about it was read",
    "M": "from memory: check it before you rely on it",
}
_PLAIN = Rules(name="", version=1, title="", description="")


@app.command("list")
def show_all(as_json: Json = False, home: Home = None) -> None:
    """List the profiles, and the overlays that tighten one; a star marks what the settings choose."""
    chosen = rules_of(context.settings(home)).name.split("+")
    everything = [*PROFILES.values(), *OVERLAYS.values()]
    if as_json:
        terminal.say_json([{"name": each.name, "title": each.title, "sha256": each.sha256} for each in everything])
        return
    rows = terminal.table("", "Name", "Kind", "Title", each="Profile")
    for each in everything:
        kind = "overlay" if each.overlay else "profile"
        rows.add_row("*" if each.name in chosen else "", each.name, kind, each.title)
    terminal.out().print(rows)
    terminal.note("Each is designed to support the rules it names. Whether you keep them is for you to find out.")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A profile or an overlay; several with + between.", show_default=False)],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show what a profile demands, with the source of each rule.

    Example: [bold]regard profiles show public-safety+illinois[/]
    """
    context.settings(home)
    rules = named(name)
    if rules is None:
        known = ", ".join([*PROFILES, *OVERLAYS])
        raise InvalidParameter(f"There is no profile {name}; there are {known}.")
    if as_json:
        terminal.say_json(rules.content | {"sha256": rules.sha256})
        return
    terminal.say(f"{rules.title}\n\n{rules.description}\n")
    terminal.say("It is designed to support the rules below. It makes nothing lawful by itself.\n")
    for rule, value in demands(rules).items():
        if value != demands(_PLAIN)[rule]:
            _say_rule(rule, value, rules.sources.get(rule))
    if whole := rules.sources.get(""):
        terminal.say(f"As a whole after: {_cited(whole)}")
    terminal.say(f"SHA-256 of this text: {rules.sha256}")
    terminal.note("[V] " + "; [".join(f"{mark}] {words}" for mark, words in _MARKS.items()).removeprefix("V] "))


def _say_rule(rule: str, value: Any, source: Source | None) -> None:
    terminal.say(f"{rule} = {_shown(value)}\n    {_cited(source) if source else 'no source'}")


def _cited(source: Source) -> str:
    """A source in a line: its words, its address, since when it applies, and how it was read."""
    since = f"; applies from {source.applies_from}" if source.applies_from else ""
    where = f" <{source.address}>" if source.address else ""
    return f"{source.text}{where}{since} [{source.mark}]"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
