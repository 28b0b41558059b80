"""`regard compare`: are these two the same person?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from regard.commands import context, probes, terminal
from regard.commands.terminal import Home, Json
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
    models, analyzer = context.analyzer(context.settings(home))
    probe, target = probes.read(analyzer, a, most=1), probes.read(analyzer, b)
    calibration, boxes = models.embedder().calibration, target.faces.boxes
    similarities = calibration.similarity(np.asarray(target.vectors @ probe.vectors[0], np.float32))
    order = np.argsort(-similarities, kind="stable").tolist()
    if as_json:
        matches = [{"Similarity": float(similarities[row]), "Face": compared_face(target.faces, row)} for row in order]
        terminal.say_json({"SourceImageFace": compared_face(probe.faces, 0), "FaceMatches": matches})
        return
    rows = terminal.table(">", ">Similarity", "Different people are so alike", "Face in B")
    for number, row in enumerate(order, 1):
        left, top, width, height = boxes[row] * np.tile([target.image.width, target.image.height], 2)
        place = f"{width:.0f} × {height:.0f} pixels, {left:.0f} from the left, {top:.0f} from the top"
        similarity = float(similarities[row])
        rows.add_row(str(number), terminal.percent(similarity), probes.odds(calibration, similarity), place)
    terminal.out().print(rows)
