"""`regard labels`: what is in a picture, and how it looks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.tables import Table
from regard.commands.terminal import Home, Json
from regard.domain.labels import ImageProperties, Label, LabelledImage, LabelOptions
from regard.media.label_drawing import annotate_labels
from regard.operations.label_shapes import label_shape, properties_shape
from regard.vision.images.image_models import PACK

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_SHOWN_COLOURS = 5
_NBSP = "\N{NO-BREAK SPACE}"


@app.command()
def labels(
    image: Annotated[Path, typer.Argument(help="A picture: JPEG, PNG, WebP, AVIF, TIFF, HEIC.")],
    save: Annotated[Path | None, typer.Option(help="Write the picture with objects marked: a .jpg or .png.")] = None,
    least: Annotated[
        float, typer.Option("--least", min=0, max=100, help="Tell no label that is less certain, in percent.")
    ] = LabelOptions().least,
    properties: Annotated[
        bool, typer.Option("--properties", help="Also light, sharpness, contrast and the dominant colours.")
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Tell what is in a picture: objects with their places, and what it shows; the most certain first.

    Example: [bold]regard labels street.jpg --save marked.jpg[/]
    """
    content = context.read(image)
    chosen = context.settings(home)
    options = LabelOptions(properties=properties, least=least)
    with (
        granted(chosen, "labels", threshold=least) as grant,
        context.analysis(chosen) as opened,
        context.about(image),
    ):
        context.fetch_pack(chosen, PACK)
        found = opened.labels.detect(grant, content, options)
    if save is not None:
        context.save(annotate_labels(found.image, found.labels or ()), save, image)
    if as_json:
        terminal.say_json(_json(found))
        return
    if found.labels:
        terminal.out().print(_table(found))
    else:
        terminal.say(f"Nothing was recognised in {terminal.readable(image)} with {least:g} % confidence or more.")
    if found.properties is not None:
        terminal.out().print(_looks(found.properties))


def _json(found: LabelledImage) -> dict[str, object]:
    members: dict[str, object] = {
        "Labels": [label_shape(label) for label in found.labels or ()],
        "LabelModelVersion": found.model,
    }
    return members if found.properties is None else members | {"ImageProperties": properties_shape(found.properties)}


def _table(found: LabelledImage) -> Table:
    many = found.labels or ()
    size = f"{found.image.width} × {found.image.height} pixels"
    title = f"{len(many)} {'label' if len(many) == 1 else 'labels'} in {size}"
    rows = terminal.table("Label", ">Confidence", ">Found", "?~Belongs to", "?Category", title=title)
    for label in many:
        places = str(len(label.instances)) if label.instances else "–"
        rows.add_row(label.name, terminal.percent(label.confidence), places, _kinds(label), label.category)
    return rows


def _kinds(label: Label) -> str:
    return ", ".join(label.parents) or "–"


def _looks(properties: ImageProperties) -> Table:
    rows = terminal.table("Part", ">Brightness", ">Sharpness", ">Contrast", "~Colours", title="How it looks")
    parts = {"Picture": properties.whole, "Foreground": properties.foreground, "Background": properties.background}
    for name, region in parts.items():
        if region is not None:
            quality = region.quality
            contrast = "–" if quality.contrast is None else f"{quality.contrast:.0f}"
            colours = ", ".join(f"{one.css}{_NBSP}{one.percent:.0f}{_NBSP}%" for one in region.colours[:_SHOWN_COLOURS])
            rows.add_row(name, f"{quality.brightness:.0f}", f"{quality.sharpness:.0f}", contrast, colours)
    return rows
