"""What commands open: settings, missing models, pictures. The engine itself is composed in `bootstrap/`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from regard.accountability.gate import Grant
from regard.bootstrap.analysis import Analysis, open_analysis
from regard.bootstrap.engine import Engine, open_engine
from regard.bootstrap.models import missing_models, missing_of_pack, open_zoo, pull_models, with_face_model
from regard.bootstrap.register import Register
from regard.commands import terminal
from regard.config.settings import Settings, load_settings
from regard.domain.galleries import Collection
from regard.engine.analysis.probes import NoFace
from regard.errors import ImageTooLarge, InvalidImageFormat, InvalidParameter
from regard.media import drawing
from regard.media.image_header import REMEDY
from regard.media.picture_conversion import converted

#: What the commands read more of than a server: they convert it.
_OWN_REMEDY = "choose a whole JPEG, PNG, WebP, AVIF, TIFF or HEIC."
#: More than the most pixels that are read take in any format, as they are.
_MOST_BYTES = 600_000_000


def settings(home: Path | None, *, host: str | None = None, port: int | None = None) -> Settings:
    return load_settings(home=home, server={"host": host, "port": port})


def with_home(command: str, home: Path | None) -> str:
    """A command to recommend, with the same program name and --home as the user typed."""
    typed = sys.argv[0]
    program = typed if Path(typed).name == "regard" and not shutil.which("regard") else "regard"
    return f"`{program} {command}`" if home is None else f"`{program} {command} --home {home}`"


def fetch_models(chosen: Settings) -> None:
    """Pull the models that faces need by these settings and that are missing. Raises ModelUnavailable."""
    _fetch(chosen, missing_models(chosen))


def fetch_pack(chosen: Settings, pack: str) -> None:
    """Pull what is missing of that pack. Raises ModelUnavailable."""
    _fetch(chosen, missing_of_pack(chosen, pack))


def _fetch(chosen: Settings, missing: list[str]) -> None:
    if not missing:
        return
    zoo = open_zoo(chosen)
    total = sum(zoo.card(name).total_size or 0 for name in missing)
    terminal.note(f"Fetching {len(missing)} models ({terminal.size_of(total)}) into {zoo.directory}")
    with terminal.progress(in_bytes=True) as report:
        pulled = pull_models(chosen, missing, report)
    for each in pulled:
        terminal.note(f"  {each.card.name}: {each.card.licence}, from {each.source}")


@contextmanager
def analysis(chosen: Settings, pack: str | None = None) -> Iterator[Analysis]:
    """Only the models, for commands that need no collections: those of faces, or of that pack."""
    if pack is None:
        fetch_models(chosen)
    else:
        fetch_pack(chosen, pack)
    with open_analysis(chosen) as opened:
        yield opened


@contextmanager
def engine(chosen: Settings) -> Iterator[Engine]:
    """Everything, with the index loaded from the store."""
    fetch_models(chosen)
    with terminal.progress() as report, open_engine(chosen, report) as opened:
        yield opened


@contextmanager
def engine_for(chosen: Settings, grant: Grant, collection_id: str) -> Iterator[Engine]:
    """As `engine`, with the face model of that collection at hand. Raises ResourceNotFound."""
    with engine(chosen) as opened:
        collection = opened.galleries.get(grant, collection_id)
        fetch_models(with_face_model(chosen, collection.face_model))
        yield opened


def bring_on(register: Register, grant: Grant, collection: Collection) -> None:
    """Bring the shared index up to date with what was written to a collection in it, and show the progress."""
    with terminal.progress() as report:
        fault = register.bring_on(grant, collection, report)
    if fault:
        terminal.note(f"{fault} Everything is stored; {collection.index} will be brought up to date later.")


def read(file: Path) -> bytes:
    """The content of a picture's file, in a format that the engine reads. Raises InvalidParameter if it cannot be read,
    InvalidImageFormat or ImageTooLarge if it cannot be converted."""
    content = raw(file)
    with about(file):
        return converted(content)


def raw(file: Path) -> bytes:
    """A file as it is. Raises InvalidParameter if it cannot be read, or is larger than a picture."""
    try:
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InvalidParameter(f"{terminal.readable(file)} cannot be read: {error.strerror}.") from error
    if len(content) > _MOST_BYTES:  # a film, a disk, or what never ends
        most = terminal.size_of(_MOST_BYTES)
        raise InvalidParameter(f"{terminal.readable(file)} is larger than any picture that is read, {most}.")
    return content


@contextmanager
def about(file: Path) -> Iterator[None]:
    """Add the file's name to errors about its picture."""
    name = terminal.readable(file)
    try:
        yield
    except NoFace as error:
        raise InvalidParameter(f"No face was found in {name}; use another picture.") from error
    except (ImageTooLarge, InvalidImageFormat, InvalidParameter) as error:
        message = error.message.replace(REMEDY, _OWN_REMEDY)
        error.args = (f"{name}: {message}",)
        raise


def save(sheet: drawing.Picture, file: Path, *shown: Path) -> None:
    """Write a picture and print its path. Raises InvalidParameter if it cannot be written, or would take the place of
    one of those that it shows."""
    spare(file, *shown)
    try:
        drawing.save(sheet, file)
    except OSError as error:
        raise InvalidParameter(f"{terminal.readable(file)} cannot be written: {error.strerror}.") from error
    terminal.note(f"Saved {terminal.readable(file)}.")


def spare(file: Path, *sources: Path) -> None:
    """Raises InvalidParameter if a file that is to be written is one of those that it is made of."""
    if any(_is_same(file, source) for source in sources):
        raise InvalidParameter(f"{terminal.readable(file)} is what was read, and would be lost; choose another name.")


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file; not if one leads nowhere."""
    try:
        return one.samefile(other)
    except OSError:
        return False
