"""`regard worker`: do jobs, beside servers or on other machines."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from regard.bootstrap.job_workers import job_workers, work_on_cluster
from regard.commands import context, terminal
from regard.commands.terminal import Home
from regard.telemetry import logs

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def worker(
    processes: Annotated[int, typer.Option(min=1, help="Processes, each with models of its own.")] = 1,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Work on this Ray cluster, HOST:PORT or auto, instead.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="With --ray: how many; else one for each core.")] = None,
    home: Home = None,
) -> None:
    """Do jobs, as many at once as there are processes, until Ctrl-C or SIGTERM. Start as many as you like, wherever the
    database and the objects can be reached; killing one costs at most a minute of video.

    `regard serve` does jobs as well, unless [jobs] workers is 0.

    Example: [bold]regard worker --processes 4[/]
    """
    chosen = context.settings(home)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    logs.begin(chosen.telemetry.log_format)
    if ray is not None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        work_on_cluster(chosen, ray, workers)
        return
    with job_workers(chosen, processes):
        terminal.say(f"Doing jobs with {processes} {'process' if processes == 1 else 'processes'}. Ctrl-C ends it.")
        over.wait()
