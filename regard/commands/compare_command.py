"""`regard compare`: how similar the faces of two pictures are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.chance import odds
from regard.commands.terminal import Authorisation, Home, Json
from regard.engine.analysis.face_comparison import Comparison
from regard.engine.analysis.image_loader import open_picture
from regard.engine.analysis.probes import NoFace
from regard.media import drawing
from regard.operations.face_shapes import compared_face

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A picture; its largest face is compared.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="A picture; every face in it is compared with A's.")],
    save: Annotated[Path | None, typer.Option(help="Draw A's face beside those of B: a .jpg or .png.")] = None,
    authorisation: Authorisation = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Compare the largest face of A with every face of B.

    A similarity of 80 is reached by one in ten thousand pairs of different people, 90 by one in a hundred thousand,
    99 by one in a million.

    Example: [bold]regard compare passport.jpg visitor.jpg[/]
    """
    chosen = context.settings(home)
    with granted(chosen, "compare", authorisation=authorisation) as grant, context.analysis(chosen) as opened:
        contents = [_checked(file) for file in (a, b)]
        with opened.comparison.reading(grant, *contents) as pictures:
            with context.about(a):
                source = pictures[0].load().image
            with context.about(b):
                target = pictures[1].load().image
            try:
                found = opened.comparison.compare(grant, source, target)
            except NoFace as error:
                with context.about(a if error.image is source else b):
                    raise
        calibration, lowest = opened.comparison.calibration, grant.act.threshold or 0.0
    found, below = found.above(lowest)
    if save is not None:
        context.save(_drawing(found, a), save, a, b)
    if as_json:
        _print_json(found)
        return
    rows = terminal.table(">", ">Similarity", "Different people this alike", ">Left", ">Top", ">Size", each="Face")
    width, height = found.target.image.width, found.target.image.height
    for row, similarity in enumerate(found.similarities.tolist()):
        left, top, across, down = found.target.faces.boxes[row] * np.tile([width, height], 2)
        place = f"{left:.0f}", f"{top:.0f}", f"{across:.0f} × {down:.0f}"
        rows.add_row(str(row + 1), terminal.percent(similarity), odds(calibration, similarity), *place)
    terminal.out().print(rows)
    if below:
        terminal.note(f"{below} more are below {lowest:g}, the lowest similarity that the profile shows.")


def _checked(file: Path) -> bytes:
    """The content of a picture's file; a wrong header is told with the file's name."""
    with context.about(file):
        content = context.read(file)
        open_picture(content)
    return content


def _drawing(found: Comparison, a: Path) -> drawing.Picture:
    """A's face, and beside it those of B, most similar first, numbered as in the table."""
    target = found.target
    candidates = [
        drawing.Candidate(
            name=f"Face {row + 1}", similarity=similarity, box=target.faces.box(row), picture=target.image
        )
        for row, similarity in enumerate(found.similarities.tolist())
    ]
    return drawing.line_up(found.source.image, found.source.faces.box(0), candidates, caption=terminal.readable(a.name))


def _print_json(found: Comparison) -> None:
    """In AWS's spelling."""
    matches = [
        {"Similarity": similarity, "Face": compared_face(found.target.faces, row)}
        for row, similarity in enumerate(found.similarities.tolist())
    ]
    terminal.say_json({"SourceImageFace": compared_face(found.source.faces, 0), "FaceMatches": matches})
