"""What commands open: settings, models, the store, the whole engine. Models that are missing are fetched first."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from regard import app
from regard.commands import terminal
from regard.config.settings import Settings, load_settings
from regard.domain.galleries import EMBEDDED, Collection
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import Picture, picture
from regard.errors import InternalServerError, InvalidParameter, RegardError
from regard.media import drawing
from regard.store import database
from regard.vision.models import FaceModels


def settings(home: Path | None, *, host: str | None = None, port: int | None = None) -> Settings:
    return load_settings(home=home, host=host, port=port)


def with_home(command: str, home: Path | None) -> str:
    """The command to recommend to somebody who gave this --home and started us as they did."""
    typed = sys.argv[0]
    program = typed if Path(typed).name == "regard" and not shutil.which("regard") else "regard"
    return f"`{program} {command}`" if home is None else f"`{program} {command} --home {home}`"


def fetch_models(chosen: Settings) -> None:
    """Pull the models these settings need and that are not here. Raises ModelUnavailable."""
    zoo = app.zoo(chosen)
    needed = _face_models(chosen).names
    missing = [name for name in needed if name not in zoo.installed]
    if not missing:
        return
    chosen.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    total = sum(zoo.card(name).size for name in missing)
    terminal.note(f"Fetching {len(missing)} models ({terminal.size_of(total)}) into {zoo.directory}")
    with terminal.progress(in_bytes=True) as report:
        pulled = zoo.pull(missing, progress=report)
    for each in pulled:
        terminal.note(f"  {each.card.name}: {each.card.licence}, from {each.source}")


def analyzer(chosen: Settings) -> tuple[FaceModels, FaceAnalyzer]:
    """The models alone, for what needs no collections."""
    fetch_models(chosen)
    models = _face_models(chosen)
    return models, FaceAnalyzer(models)


@contextmanager
def engine(chosen: Settings) -> Iterator[app.Regard]:
    """Everything, with the index loaded from the store."""
    fetch_models(chosen)
    with terminal.progress() as report:
        regard = app.build(chosen, report)
    try:
        yield regard
    finally:
        regard.close()


@contextmanager
def store(chosen: Settings) -> Iterator[database.Database]:
    """The database alone: no index, no models."""
    opened = database.open(chosen.database_url)
    try:
        yield opened
    finally:
        opened.close()


def bring_on(chosen: Settings, opened: database.Database, collection: Collection) -> None:
    """Tell the shared index of a collection that lives there what was written, while somebody watches; servers would
    do it when they search next."""
    shared = app.shared_index(chosen, opened) if collection.index != EMBEDDED else None
    if shared is None:
        return
    try:
        with closing(shared), terminal.progress() as report:
            shared.catch_up(shared.head(), progress=report)
    except InternalServerError as error:
        terminal.note(f"{error.message} All is stored; {collection.index} has it later.")


def read(file: Path) -> Picture:
    """The picture in a file. Raises InvalidParameter where it cannot be read, else what decoding it raises."""
    try:
        return picture(file.read_bytes())
    except OSError as error:
        raise InvalidParameter(f"{terminal.readable(file)} cannot be read: {error.strerror}.") from error
    except RegardError as error:
        raise type(error)(f"{terminal.readable(file)}: {error.message}") from error


def save(sheet: drawing.Picture, file: Path) -> None:
    """Write a picture and say so. Raises InvalidParameter where that cannot be."""
    try:
        drawing.save(sheet, file)
    except OSError as error:
        raise InvalidParameter(f"{terminal.readable(file)} cannot be written: {error.strerror}.") from error
    terminal.note(f"Saved {terminal.readable(file)}.")


def _face_models(chosen: Settings) -> FaceModels:
    zoo = app.zoo(chosen)
    return FaceModels(zoo, detector=chosen.detector, embedder=chosen.embedder, threads=chosen.threads)
