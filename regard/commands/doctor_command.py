"""`regard doctor`: what is installed, where data is kept, and any problems."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer
from rich.markup import escape

from regard.accountability.access_keys import AccessKey
from regard.accountability.gate import Grant
from regard.bootstrap.accountability import answers_untold
from regard.bootstrap.engine import Engine, open_engine
from regard.bootstrap.models import face_models, open_zoo
from regard.bootstrap.stores import database_shown, s3_store
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.context import with_home
from regard.commands.finding import Finding
from regard.commands.profile_findings import profile_findings
from regard.commands.terminal import Home
from regard.config.layers import Origin
from regard.config.sections import is_secret
from regard.config.settings import Settings, default_home, origins
from regard.engine.analysis.face_description import tellable
from regard.errors import InternalServerError, RegardError
from regard.media.clip import about as about_videos
from regard.operations.attribute_shapes import told_and_untold
from regard.vision.models import FaceModels
from regard.vision.session import cores, providers
from regard.vision.zoo import State

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_PACKAGES = ("regard", "numpy", "onnxruntime", "opencv-python-headless", "pillow", "sqlalchemy", "uvicorn", "botocore")
#: Less free disk space than this is a problem: the models alone take a tenth of it.
_LEAST_FREE = 500e6
#: A job that waits for longer than this to begin waits for somebody who does it.
_LONG_WAIT = timedelta(hours=1)


@app.command()
def doctor(home: Home = None) -> None:
    """Show what is installed, where data is kept, and any problems. Exits with 1 if there are problems."""
    chosen = context.settings(home)
    sections = {section: list(_all(examine(chosen, home))) for section, examine in _SECTIONS.items()}
    everything = [finding for found in sections.values() for finding in found]
    faults = [finding for finding in everything if finding.remedy is not None]
    _print("Problems", faults)
    _print("Not as by default", [finding for finding in everything if finding.changed and finding not in faults])
    for section, found in sections.items():
        _print(section, [finding for finding in found if finding.remedy is None and not finding.changed])
    if faults:
        count = f"{len(faults)} {'problem' if len(faults) == 1 else 'problems'}"
        terminal.fail(f"{count} found; they stand first, each with what to do.")
        raise typer.Exit(1)
    terminal.out().print("[green]No problems found.[/]")


def _print(section: str, findings: list[Finding]) -> None:
    if not findings:
        return
    rows = terminal.table("", "", "~", header=False)
    for finding in findings:
        rows.add_row(_mark(finding), escape(finding.about), escape(finding.value))
        if finding.remedy is not None:
            rows.add_row("", "", f"[red]{escape(finding.remedy)}[/]")
    terminal.out().print(f"[bold]{section}[/]")
    terminal.out().print(rows)


def _mark(finding: Finding) -> str:
    if finding.remedy is not None:
        return "[bold red]!![/]"
    return "[yellow]»[/]" if finding.changed else "[green]ok[/]"


def _all(findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, and the error that cut them short, if any."""
    try:
        yield from findings
    except RegardError as error:
        yield Finding(about="stopped here", value="", remedy=error.message)


def _software(chosen: Settings, __: Path | None) -> Iterator[Finding]:
    yield Finding(about="Python", value=f"{platform.python_version()} on {platform.platform(terse=True)}")
    for package in _PACKAGES:
        try:
            yield Finding(about=package, value=version(package))
        except PackageNotFoundError:
            yield Finding(about=package, value="not installed as a package of its own")
    yield Finding(about="SQLite", value=sqlite3.sqlite_version)
    yield Finding(about="videos", value=about_videos(chosen.video.decoder))
    yield Finding(about="providers", value=", ".join(providers()))
    yield Finding(about="cores", value=str(cores()))


def _settings(chosen: Settings, home: Path | None) -> Iterator[Finding]:
    standard = chosen.home == default_home({}).expanduser()
    origin = "default" if standard else "--home" if home else "environment"
    yield Finding(about="home", value=f"{chosen.home} ({origin})", changed=not standard)
    answers_untold(chosen)  # raises where the profile forbids it
    for (section, key), origin in origins(home=chosen.home).items():
        value = getattr(getattr(chosen, section), key)
        shown = "set" if is_secret(section, key) and value else value
        yield Finding(
            about=f"[{section}] {key}",
            value=f"({origin})" if value is None else f"{shown} ({origin})",
            changed=origin is not Origin.DEFAULT,
        )


def _models(chosen: Settings, home: Path | None) -> Iterator[Finding]:
    zoo = open_zoo(chosen)
    models = face_models(chosen, zoo)
    needed = models.names
    for name in needed:
        zoo.card(name)  # raises if the setting names no card
    for card, state in zoo.verify():
        remedy = None
        if state is State.CORRUPT or (state is State.MISSING and card.name in needed):
            remedy = f"{with_home(f'models pull {card.name}', home)} fetches it."
        elif state is State.PRESENT and card.name in needed:
            remedy = models.trouble(card.name)
        role = card.task if card.name in needed else f"{card.task}, of the pack {card.pack}"
        value = f"{state}, {role}, {terminal.size_of(card.total_size)}, {zoo.directory / card.file}"
        yield Finding(about=card.name, value=value, remedy=remedy)
    yield from _attributes(models, home)


def _attributes(models: FaceModels, home: Path | None) -> Iterator[Finding]:
    """What programs that read every attribute of a face will find and miss."""
    told, untold = told_and_untold(tellable(models))
    yield Finding(about="attributes", value=f"of a face these can be told: {', '.join(told)}")
    glasses = f"; {with_home('models pull face-attrib-net', home)} adds glasses" if "Eyeglasses" in untold else ""
    yield Finding(about="not told", value=f"{', '.join(untold)}{glasses}")


def _data(chosen: Settings, home: Path | None) -> Iterator[Finding]:
    there = next(place for place in (chosen.home, *chosen.home.parents) if place.exists())
    free = shutil.disk_usage(there).free
    remedy = None if free >= _LEAST_FREE else "Free some disk space, or move with --home: writes will soon fail."
    yield Finding(about="free disk", value=terminal.size_of(free), remedy=remedy)
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding(about="home", value=f"{there} cannot be written", remedy="Change its owner, or choose --home.")
        return
    buckets = sum(place.is_dir() for place in chosen.buckets_folder.iterdir()) if chosen.buckets_folder.is_dir() else 0
    yield Finding(about="buckets", value=f"{buckets} in {chosen.buckets_folder}")
    if s3 := s3_store(chosen):
        yield Finding(about="S3", value=str(chosen.objects.s3_endpoint), remedy=s3.trouble())
    if chosen.store.database is not None:
        yield Finding(about="database", value=database_shown(chosen))
        yield from _store(chosen, home)
        return
    file = chosen.home / "regard.db"
    if not file.exists():
        yield Finding(about="database", value=f"{file}, not there yet: {with_home('serve', home)} creates it")
        return
    size = sum(part.stat().st_size for part in chosen.home.glob("regard.db*"))
    yield Finding(about="database", value=f"{file}, {terminal.size_of(size)}")
    yield from _store(chosen, home)


def _store(chosen: Settings, home: Path | None) -> Iterator[Finding]:
    with (
        granted(chosen, "doctor") as grant,
        terminal.progress() as report,
        open_engine(chosen, report) as engine,
    ):
        sizes = [each.faces for each in engine.galleries.sizes(grant)]
        yield Finding(about="collections", value=f"{len(sizes):,} with {sum(sizes):,} faces")
        yield from profile_findings(chosen, grant, engine.installed_profile(), engine.gate.in_use.assessment)
        yield from _face_models(engine, grant, home)
        yield from _incidents(engine, grant, home)
        yield from _jobs(engine, grant, home)
        yield from _shared(engine, grant)
        differences = engine.index_check.agreement(grant, shared=False)
        remedy = "; ".join(map(str, differences)) + ". Please report this." if differences else None
        yield Finding(about="index", value="differs from SQL" if differences else "agrees with SQL", remedy=remedy)
        keys = [key for key in engine.access_keys.list() if key.revoked_at is None]
        hint = "" if keys else f": {with_home('keys create', home)} creates one"
        yield Finding(about="access keys", value=f"{len(keys)} active{hint}", remedy=_undecryptable(engine, keys))


def _face_models(engine: Engine, grant: Grant, home: Path | None) -> Iterator[Finding]:
    """The face models of the collections there are, and whether they can be served."""
    for face_model, count in engine.galleries.face_models(grant).items():
        found = engine.known_models.find(face_model)
        remedy = None
        if found is None:
            remedy = "There is no card for it, so these collections cannot be searched: add its card to models.toml."
        elif found.name not in engine.zoo.installed:
            remedy = f"Its file is missing: {with_home(f'models pull {found.name}', home)} fetches it."
        else:
            remedy = engine.models.trouble(found.name)
        of = "collection" if count == 1 else "collections"
        yield Finding(about="face model", value=f"{face_model}, of {count:,} {of}", remedy=remedy)


def _incidents(engine: Engine, grant: Grant, home: Path | None) -> Iterator[Finding]:
    """Of what somebody should have been told by now; and what is suspended."""
    if overdue := engine.keeping.incidents.overdue(grant):
        ids = ", ".join(each.id for each in overdue)
        remedy = f"Tell the recipients, and record it with {with_home('incidents notify', home)}."
        yield Finding(about="incidents", value=f"overdue: {ids}", remedy=remedy)
    for each in engine.keeping.suspensions.list(grant):
        what = f"{each.kind} {each.subject}".strip()
        yield Finding(about="suspended", value=f"{what} since {each.started_at:%Y-%m-%d %H:%M} UTC", changed=True)


def _jobs(engine: Engine, grant: Grant, home: Path | None) -> Iterator[Finding]:
    """What waits to be done, and to be told."""
    health = engine.jobs.control.health(grant)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(health.counts.items())) or "none"
    late = health.waiting > _LONG_WAIT
    remedy = f"One has waited for {health.waiting}: is {with_home('serve', home)} or `regard worker` running?"
    yield Finding(about="jobs", value=counts, remedy=remedy if late else None)
    if health.undelivered:
        hint = f"{with_home('jobs show JOB', home)} tells why"
        yield Finding(about="events", value=f"{health.undelivered} have not arrived: {hint}")


def _shared(engine: Engine, grant: Grant) -> Iterator[Finding]:
    """Whether the shared index answers; `regard collections verify` compares it with the database."""
    try:
        health = engine.index_check.shared_health(grant)
    except InternalServerError as error:
        yield Finding(about="shared index", value="does not answer", remedy=error.message)
    else:
        if health is not None:
            yield Finding(about="shared index", value=health)


def _undecryptable(engine: Engine, keys: list[AccessKey]) -> str | None:
    """What is wrong with the keys' secrets, if anything: the first one is decrypted as a test."""
    try:
        if keys:
            engine.access_keys.lookup(keys[0].access_key_id)
    except RegardError as error:
        return error.message
    return None


_SECTIONS: dict[str, Callable[[Settings, Path | None], Iterator[Finding]]] = {
    "Software": _software,
    "Settings": _settings,
    "Models": _models,
    "Data": _data,
}
