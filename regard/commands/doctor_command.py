"""`regard doctor`: what is installed, where data lives, and whether all is well."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer
from rich.markup import escape

from regard import app as root
from regard.accountability.access_keys import AccessKey
from regard.commands import context, terminal
from regard.commands.context import with_home
from regard.commands.terminal import Home
from regard.config.settings import Settings, load_settings
from regard.errors import InternalServerError, RegardError
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.vision.models import FaceModels
from regard.vision.session import cores, providers
from regard.vision.zoo import State

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_PACKAGES = ("regard", "numpy", "onnxruntime", "opencv-python-headless", "pillow", "sqlalchemy", "uvicorn", "botocore")
#: Settings that are, or may hold, what nobody is to read.
_SECRET = ("database", "milvus", "milvus_token", "s3_secret_access_key")
#: Less free disk than this is a fault: the models alone take a tenth of it.
_LEAST_FREE = 500e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line. `remedy` is what to do about a fault; without one all is well."""

    about: str
    value: str
    remedy: str | None = None


@app.command()
def doctor(home: Home = None) -> None:
    """Say what is installed, where data lives, and whether all is well. Exits with 1 where something is wrong."""
    chosen = context.settings(home)
    faults = 0
    for section, analyze_photos in _SECTIONS.items():
        rows = terminal.table("", "", "")
        rows.show_header = False
        for finding in _all(analyze_photos(chosen, home)):
            faults += finding.remedy is not None
            mark = "[green]ok[/]" if finding.remedy is None else "[bold red]!![/]"
            remedy = "" if finding.remedy is None else f"\n[red]{escape(finding.remedy)}[/]"
            rows.add_row(mark, finding.about, escape(finding.value) + remedy)
        terminal.out().print(f"[bold]{section}[/]")
        terminal.out().print(rows)
    if faults:
        terminal.fail(f"{faults} {'thing is' if faults == 1 else 'things are'} wrong; each says what to do.")
        raise typer.Exit(1)
    terminal.out().print("[green]All is well.[/]")


def _all(findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, and what stopped them from being complete."""
    try:
        yield from findings
    except RegardError as error:
        yield Finding(about="stopped here", value="", remedy=error.message)


def _software(_: Settings, __: Path | None) -> Iterator[Finding]:
    yield Finding(about="Python", value=f"{platform.python_version()} on {platform.platform(terse=True)}")
    for package in _PACKAGES:
        try:
            yield Finding(about=package, value=version(package))
        except PackageNotFoundError:
            yield Finding(about=package, value="not installed as a package of its own")
    yield Finding(about="SQLite", value=sqlite3.sqlite_version)
    yield Finding(about="providers", value=", ".join(providers()))
    yield Finding(about="cores", value=str(cores()))


def _settings(chosen: Settings, home: Path | None) -> Iterator[Finding]:
    plain, filed = Settings(home=chosen.home), load_settings({}, home=chosen.home)
    yield Finding(about="home", value=f"{chosen.home} ({'--home' if home else 'environment or default'})")
    for name in (field.name for field in fields(Settings) if field.name != "home"):
        value, from_file = getattr(chosen, name), getattr(filed, name)
        default = from_file == getattr(plain, name)
        where = "environment" if value != from_file else "default" if default else "regard.toml"
        shown = "set" if name in _SECRET and value else value
        yield Finding(about=name, value=f"{shown} ({where})" if value is not None else f"({where})")


def _models(chosen: Settings, home: Path | None) -> Iterator[Finding]:
    zoo = root.zoo(chosen)
    needed = FaceModels(zoo, detector=chosen.detector, embedder=chosen.embedder).names
    for name in needed:
        zoo.card(name)  # a setting that names no card is said as such
    for card, state in zoo.verify():
        remedy = None
        if state is State.CORRUPT or (state is State.MISSING and card.name in needed):
            remedy = f"{with_home(f'models pull {card.name}', home)} fetches it."
        role = card.task if card.name in needed else f"{card.task}, not in use"
        value = f"{state}, {role}, {terminal.size_of(card.size)}, {zoo.directory / card.file}"
        yield Finding(about=card.name, value=value, remedy=remedy)


def _data(chosen: Settings, home: Path | None) -> Iterator[Finding]:
    there = next(place for place in (chosen.home, *chosen.home.parents) if place.exists())
    free = shutil.disk_usage(there).free
    remedy = None if free >= _LEAST_FREE else "Free some disk space, or move with --home: writes will soon fail."
    yield Finding(about="free disk", value=terminal.size_of(free), remedy=remedy)
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding(about="home", value=f"{there} cannot be written", remedy="Change its owner, or choose --home.")
        return
    buckets = sum(place.is_dir() for place in chosen.buckets.iterdir()) if chosen.buckets.is_dir() else 0
    yield Finding(about="buckets", value=f"{buckets} in {chosen.buckets}")
    if s3 := root.s3_store(chosen):
        yield Finding(about="S3", value=str(chosen.s3_endpoint), remedy=s3.trouble())
    if chosen.database is not None:
        yield Finding(about="database", value=database.shown(chosen.database))
        yield from _store(chosen, home)
        return
    file = chosen.home / "regard.db"
    if not file.exists():
        yield Finding(about="database", value=f"{file}, not made yet: {with_home('serve', home)} does")
        return
    size = sum(part.stat().st_size for part in chosen.home.glob("regard.db*"))
    yield Finding(about="database", value=f"{file}, {terminal.size_of(size)}")
    yield from _store(chosen, home)


def _store(chosen: Settings, home: Path | None) -> Iterator[Finding]:
    with terminal.progress() as report:
        regard = root.build(chosen, report)
    try:
        sizes = CollectionRows(regard.database).sizes()
        yield Finding(about="collections", value=f"{len(sizes):,} with {sum(sizes.values()):,} faces")
        yield from _shared(regard)
        differences = regard.follower.agreement(shared=False)
        remedy = "; ".join(differences) + ". Please report this." if differences else None
        yield Finding(about="index", value="differs from SQL" if differences else "agrees with SQL", remedy=remedy)
        keys = [key for key in regard.access_keys.list() if key.revoked_at is None]
        hint = "" if keys else f": {with_home('keys create', home)} makes one"
        yield Finding(about="access keys", value=f"{len(keys)} in force{hint}", remedy=_unsealed(regard, keys))
    finally:
        regard.close()


def _shared(regard: root.Regard) -> Iterator[Finding]:
    """Whether the index that servers share answers; comparing it is for `regard collections verify`."""
    shared = regard.follower.shared
    if shared is None:
        return
    try:
        yield Finding(about="shared index", value=shared.health())
    except InternalServerError as error:
        yield Finding(about="shared index", value="does not answer", remedy=error.message)


def _unsealed(regard: root.Regard, keys: list[AccessKey]) -> str | None:
    """What is wrong with the secrets, if anything: the first one is opened."""
    try:
        if keys:
            regard.access_keys.lookup(keys[0].access_key_id)
    except RegardError as error:
        return error.message
    return None


_SECTIONS: dict[str, Callable[[Settings, Path | None], Iterator[Finding]]] = {
    "Software": _software,
    "Settings": _settings,
    "Models": _models,
    "Data": _data,
}
