"""`regard text`: read the text of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.tables import Table
from regard.commands.terminal import Home, Json
from regard.domain.images import Image
from regard.domain.text import Line
from regard.engine.analysis.text_analyzer import LEAST_CONFIDENCE, TextFilter
from regard.media.text_drawing import annotate_text
from regard.operations.texts import text_detections

PACK = "text"

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def text(
    image: Annotated[Path, typer.Argument(help="A picture: JPEG, PNG, WebP, AVIF, TIFF, HEIC.")],
    save: Annotated[Path | None, typer.Option(help="Write the picture with its lines marked: a .jpg or .png.")] = None,
    confidence: Annotated[
        float, typer.Option(min=0, max=100, help="Leave out words of less confidence.")
    ] = LEAST_CONFIDENCE,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Read the text of a picture, at most 100 words: its lines from top to bottom, however the picture is turned.

    Latin script, Chinese and Japanese are read.

    Example: [bold]regard text receipt.jpg --save marked.jpg[/]
    """
    content = context.read(image)
    chosen = context.settings(home)
    with (
        granted(chosen, "text") as grant,
        context.analysis(chosen, PACK) as opened,
        context.about(image),
    ):
        found = opened.text.detect(grant, content, TextFilter(confidence=confidence))
    lines = found.lines
    if save is not None:
        captions = [str(number) for number in range(1, len(lines) + 1)] if len(lines) > 1 else [""] * len(lines)
        context.save(annotate_text(found.image, [line.corners for line in lines], captions), save, image)
    if as_json:
        terminal.say_json({"TextDetections": text_detections(lines), "TextModelVersion": found.model})
    elif not lines:
        terminal.say(f"No text was found in {terminal.readable(image)}.")
    else:
        terminal.out().print(_table(lines, found.image))


def _table(lines: list[Line], image: Image) -> Table:
    words = sum(len(line.words) for line in lines)
    title = f"{_counted(len(lines), 'line')} of {_counted(words, 'word')} in {image.width} × {image.height} pixels"
    rows = terminal.table(">", "~Text", ">Confidence", "?>Left", "?>Top", "?>Size", title=title, each="Line")
    for number, line in enumerate(lines, 1):
        box = line.box
        rows.add_row(
            str(number),
            escape(line.text),
            terminal.percent(line.confidence),
            f"{box.left * image.width:.0f}",
            f"{box.top * image.height:.0f}",
            f"{box.width * image.width:.0f} × {box.height * image.height:.0f}",
        )
    return rows


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
