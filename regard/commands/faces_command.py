"""`regard faces`: find and describe the faces of a picture; list and delete those of a collection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from regard.commands import context, enrolled_faces_commands, terminal
from regard.commands.acts import granted
from regard.commands.default_command import DEFAULT, WithDefault
from regard.commands.tables import Table
from regard.commands.terminal import Home, Json
from regard.domain.images import Image
from regard.media import drawing
from regard.operations.attribute_shapes import wanted
from regard.operations.face_shapes import face_detail

app = typer.Typer(
    cls=WithDefault,
    help="Find and describe the faces of a picture; list and delete the faces of a collection.\n\n"
    "[bold]regard faces photo.jpg[/] is short for [bold]regard faces find photo.jpg[/].",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command(DEFAULT)
def find(
    image: Annotated[Path, typer.Argument(help="A picture: JPEG, PNG, WebP, AVIF, TIFF, HEIC.")],
    save: Annotated[Path | None, typer.Option(help="Write the picture with its faces marked: a .jpg or .png.")] = None,
    attributes: Annotated[bool, typer.Option("--attributes", help="Also age, emotion, eyes, mouth and more.")] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Find the faces of a picture and describe them; the largest face comes first.

    Age, gender and emotion are a model's guesses from how a face looks, not facts about a person.

    Example: [bold]regard faces party.jpg --attributes --save marked.jpg[/]
    """
    names = ["ALL"] if attributes else []
    content = context.read(image)
    chosen = context.settings(home)
    with (
        granted(chosen, "faces find", attributes=tuple(names)) as grant,
        context.analysis(chosen) as opened,
        context.about(image),
    ):
        detected = opened.detection.detect(grant, content, wanted(names))
    pixels, found = detected.image, detected.faces
    shapes = [face_detail(found, row, names) for row in range(len(found))]
    if save is not None:
        captions = [str(number) for number in range(1, len(found) + 1)] if len(found) > 1 else [""] * len(found)
        context.save(drawing.annotate(pixels, found, captions), save, image)
    if as_json:
        terminal.say_json({"FaceDetails": shapes})
    elif not shapes:
        terminal.say(f"No face was found in {terminal.readable(image)}.")
    else:
        terminal.out().print(_table(shapes, pixels, attributes))


def _table(shapes: list[dict[str, Any]], image: Image, attributes: bool) -> Table:
    more = _ATTRIBUTES if attributes else ()
    title = f"{len(shapes)} {'face' if len(shapes) == 1 else 'faces'} in {image.width} × {image.height} pixels"
    columns = ">", ">Left", ">Top", ">Size", ">Confidence", ">Brightness", ">Sharpness", ">Yaw", ">Pitch", ">Roll"
    rows = terminal.table(*columns, *more, title=title, each="Face")
    for number, shape in enumerate(shapes, 1):
        box, pose, quality = shape["BoundingBox"], shape["Pose"], shape["Quality"]
        cells = [
            str(number),
            f"{box['Left'] * image.width:.0f}",
            f"{box['Top'] * image.height:.0f}",
            f"{box['Width'] * image.width:.0f} × {box['Height'] * image.height:.0f}",
            terminal.percent(shape["Confidence"]),
            f"{quality['Brightness']:.0f}",
            f"{quality['Sharpness']:.0f}",
            *(f"{pose[angle]:+.0f}°" for angle in ("Yaw", "Pitch", "Roll")),
        ]
        rows.add_row(*cells, *(_attributes(shape) if attributes else ()))
    return rows


def _attributes(shape: dict[str, Any]) -> list[str]:
    emotion, gaze = shape["Emotions"][0], shape["EyeDirection"]
    return [
        f"{shape['AgeRange']['Low']}–{shape['AgeRange']['High']}",
        _said(shape, "Gender", lambda value: str(value).lower()),
        f"{emotion['Type'].lower()} {emotion['Confidence']:.0f} %",
        _said(shape, "Smile", _YES_NO),
        _said(shape, "EyesOpen", _OPEN_CLOSED),
        f"{gaze['Yaw']:+.0f}°, {gaze['Pitch']:+.0f}°",
        _said(shape, "MouthOpen", _OPEN_CLOSED),
        _said(shape, "FaceOccluded", _YES_NO),
        _said(shape, "Eyeglasses", _YES_NO),
        _said(shape, "Sunglasses", _YES_NO),
    ]


def _said(shape: dict[str, Any], member: str, word: Callable[[Any], str]) -> str:
    """A member's value and confidence in words; a dash for what no model here tells."""
    said = shape.get(member)
    return f"{word(said['Value'])} {said['Confidence']:.0f} %" if said else "–"


_ATTRIBUTES = ("Age", "Gender", "Emotion", "Smile", "Eyes", "Eyes to", "Mouth", "Covered", "Glasses", "Sunglasses")
_YES_NO = {True: "yes", False: "no"}.__getitem__
_OPEN_CLOSED = {True: "open", False: "closed"}.__getitem__


app.command("list")(enrolled_faces_commands.show)
app.command("picture")(enrolled_faces_commands.picture)
app.command("delete")(enrolled_faces_commands.delete)
