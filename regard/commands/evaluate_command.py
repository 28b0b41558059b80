"""`regard evaluate`: measure error rates on pictures of known people, before and while a system is used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regard.bootstrap.models import with_face_model
from regard.bootstrap.register import open_register
from regard.bootstrap.worker import local_pool, processes_for
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.evaluation_tables import show
from regard.commands.labelled_table import labelled_pictures
from regard.commands.terminal import Home, Json
from regard.engine.bulk.picture_evaluation import FIRST, Question, check_people

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def evaluate(  # noqa: PLR0913 - the options of a command
    place: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER|TABLE",
            help="A folder with a folder of pictures for each person; or a CSV file with the columns path and person, "
            "and one for each kind of group.",
        ),
    ],
    *,
    collection: Annotated[
        str | None, typer.Option(help="Measure this collection's face model, thresholds and size.")
    ] = None,
    gallery_size: Annotated[
        int | None, typer.Option(min=1, max=10**10, help="Tell the error rates of searches among so many faces.")
    ] = None,
    threshold: Annotated[
        list[float] | None, typer.Option(min=0, max=100, help="A further threshold; may be repeated.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it; the name of the folder or table, else.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, max=1024, help="Processes that share the work.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Measure false matches and misses on pictures of known people, for each group of your own labels.

    The rates are kept, with their intervals; of the pictures nothing is.

    Example: [bold]regard evaluate people.csv --collection watch-list[/]
    """
    chosen = context.settings(home)
    with granted(chosen, "evaluate", collection=collection) as grant, open_register(chosen) as register:
        evaluation = register.reports.evaluation
        pictures = labelled_pictures(place)
        check_people(pictures)
        target = None if collection is None else evaluation.collection(grant, collection)
        if target is not None:
            chosen = with_face_model(chosen, target.face_model)
        context.fetch_models(chosen)
        question = Question(
            name=name or terminal.readable(place.resolve().name),
            collection=target,
            gallery_size=gallery_size,
            thresholds=threshold or [],
        )
        with (
            local_pool(chosen, FIRST, processes or processes_for(chosen, len(pictures))) as pool,
            terminal.progress() as progress,
        ):
            made = evaluation.measure(grant, question, pictures, pool, progress)
    show(made, as_json)
