"""`regard models`: list, fetch and verify the models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from regard.bootstrap.models import FACES, VIDEO, chosen_packs, open_zoo, spelled_out
from regard.commands import context, terminal
from regard.commands.terminal import Home
from regard.errors import ModelUnavailable
from regard.media.clip import about as about_decoder
from regard.media.clip import chosen as chosen_decoder
from regard.vision.cards import ModelCard
from regard.vision.zoo import State, Zoo

app = typer.Typer(help="List, fetch and verify the models.", no_args_is_help=True, add_completion=False)


@app.command("list")
def show(home: Home = None) -> None:
    """Show every model: its pack, its task, its licence, where it comes from, and whether it is installed."""
    zoo = _zoo(home)
    installed = set(zoo.installed)
    rows = terminal.table("Model", "Pack", "Task", ">Size", "State", "Licence", "?~Provenance")
    for card in sorted(zoo.cards.values(), key=lambda card: zoo.packs.index(card.pack)):
        state = "[green]here[/]" if card.name in installed else "[yellow]missing[/]"
        licence = escape(card.licence) + (" [red](non-commercial)[/]" if card.non_commercial else "")
        size = terminal.size_of(card.total_size)
        rows.add_row(card.name, card.pack, card.task, size, state, licence, escape(card.provenance))
    terminal.out().print(rows)
    terminal.note(f"Models are kept in {zoo.directory}; {context.with_home('models verify', home)} reads the files.")


@app.command()
def pull(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PACK|MODEL]...", help="Faces and the packs of the settings unless given."),
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the terms of models that are for non-commercial use only.")
    ] = False,
    home: Home = None,
) -> None:
    """Fetch models, by pack or one by one, and check their sha256; those already installed are skipped.

    The pack [bold]video[/] is those of faces, images and text, and what decodes films comes with pip.

    Sources are tried in order. [bold]REGARD_MODELS_MIRROR[/] names a folder to look in first. A running server takes
    what was fetched without a restart.

    Example: [bold]regard models pull text[/]
    """
    chosen = context.settings(home)
    zoo = open_zoo(chosen)
    wanted = zoo.select(spelled_out(names or [FACES, *chosen_packs(chosen, zoo)]))
    with terminal.progress(in_bytes=True) as report:
        pulled = zoo.pull(wanted, progress=report, accept_licence=accept_licence)
    for each in pulled:
        for failure in each.failures:
            terminal.note(f"{each.card.name}: {failure}")
        came = "was here" if each.source is None else f"fetched from {each.source}"
        terminal.say(f"{each.card.name}: {came} ({terminal.size_of(each.card.total_size)}, {each.card.licence})")
    if VIDEO in (names or ()):
        _tell_of_videos(chosen.video.decoder)


@app.command()
def verify(home: Home = None) -> None:
    """Read every model's file and compare its sha256 with the card's.

    Exits with 1 if one is damaged, or if one of the pack `faces` is missing.
    """
    zoo = _zoo(home)
    found = zoo.verify()
    rows = terminal.table("Model", "State", "<File")
    for card, state in found:
        rows.add_row(card.name, f"[{_COLOURS[state]}]{state}[/]", escape(str(zoo.directory / card.file)))
    terminal.out().print(rows)
    if damaged := [card.name for card, state in found if state is State.CORRUPT]:
        raise ModelUnavailable(_advice(damaged))
    missing = [card for card, state in found if state is State.MISSING and card.pack == FACES]
    if missing:
        raise ModelUnavailable(_missing(missing))


def _tell_of_videos(decoder: str) -> None:
    terminal.say(f"Stored video is looked at with these models, and decoded by {about_decoder(decoder)}")
    if chosen_decoder(decoder) != "av":
        terminal.note("`pip install 'regard[video]'` brings PyAV, which decodes more, and hears sound.")


_COLOURS = {State.PRESENT: "green", State.MISSING: "yellow", State.CORRUPT: "red"}


def _advice(damaged: list[str]) -> str:
    return f"{len(damaged)} models are damaged; `regard models pull {' '.join(damaged)}` fetches them again."


def _missing(cards: list[ModelCard]) -> str:
    return f"{len(cards)} models of the pack {FACES} are missing; `regard models pull {FACES}` fetches them."


def _zoo(home: Path | None) -> Zoo:
    return open_zoo(context.settings(home))
