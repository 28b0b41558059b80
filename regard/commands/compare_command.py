"""`regard compare`: how similar the faces of two pictures are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.chance import odds
from regard.commands.terminal import Home, Json
from regard.engine.analysis.face_comparison import Comparison
from regard.engine.analysis.image_loader import open_picture
from regard.engine.analysis.probes import NoFace
from regard.operations.face_shapes import compared_face

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A JPEG or PNG; its largest face is compared.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="A JPEG or PNG; every face in it is compared with A's.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Compare the largest face of A with every face of B.

    A similarity of 80 is reached by one in ten thousand pairs of different people, 90 by one in a hundred thousand,
    99 by one in a million.

    Example: [bold]regard compare passport.jpg visitor.jpg[/]
    """
    chosen = context.settings(home)
    with granted(chosen, "compare") as grant, context.analysis(chosen) as opened:
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
        calibration = opened.comparison.calibration
    if as_json:
        _print_json(found)
        return
    rows = terminal.table(">", ">Similarity", "Different people this alike", "Face in B")
    width, height = found.target.image.width, found.target.image.height
    for row, similarity in enumerate(found.similarities.tolist()):
        left, top, across, down = found.target.faces.boxes[row] * np.tile([width, height], 2)
        place = f"{across:.0f} × {down:.0f} pixels, {left:.0f} from the left, {top:.0f} from the top"
        rows.add_row(str(row + 1), terminal.percent(similarity), odds(calibration, similarity), place)
    terminal.out().print(rows)


def _checked(file: Path) -> bytes:
    """The content of a picture's file; a wrong header is told with the file's name."""
    with context.about(file):
        content = context.read(file)
        open_picture(content)
    return content


def _print_json(found: Comparison) -> None:
    """In AWS's spelling."""
    matches = [
        {"Similarity": similarity, "Face": compared_face(found.target.faces, row)}
        for row, similarity in enumerate(found.similarities.tolist())
    ]
    terminal.say_json({"SourceImageFace": compared_face(found.source.faces, 0), "FaceMatches": matches})
