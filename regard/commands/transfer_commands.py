"""`regard collections export`, `import`, `move`, `verify`, `rebuild`: commands for whole collections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from regard.accountability.gate import Grant
from regard.bootstrap.engine import open_engine
from regard.bootstrap.models import known_models, open_zoo
from regard.bootstrap.register import Register, open_register
from regard.commands import context, terminal
from regard.commands.acts import granted
from regard.commands.collection_names import checked
from regard.commands.enrolment_basis import BasisOption, SourceOption, basis_of
from regard.commands.terminal import Home
from regard.config.settings import Settings
from regard.domain.galleries import EMBEDDED, MILVUS, Collection
from regard.domain.identifiers import FACE_MODEL_VERSION
from regard.domain.instants import instant
from regard.engine.transfer.archive import Archive
from regard.engine.transfer.collection_import import Imported, Source, Target
from regard.engine.transfer.embeddings_file import EmbeddingsFile
from regard.engine.transfer.manifest import is_archive
from regard.engine.transfer.rehearsal import rehearse
from regard.errors import InternalServerError, InvalidParameter, SettingsError
from regard.media.parquet import ParquetTable
from regard.vision.faces.face_model import KnownModels

File = Annotated[Path, typer.Argument(help="The Parquet file.", show_default=False)]
Which = Annotated[str | None, typer.Argument(help="The collection; all of them unless given.", show_default=False)]


def export(
    name: Annotated[str, typer.Argument(help="The collection to export.", show_default=False)],
    file: File,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the file if it exists.")] = False,
    home: Home = None,
) -> None:
    """Write a collection to a Parquet file: faces, ids, users, embeddings, tags, and a checksum.

    The file holds the collection as it was when the export began. It is biometric data: only you can read it, and it
    should stay so.
    """
    if file.exists() and not replace:
        raise InvalidParameter(f"{terminal.readable(file)} exists already. Give another name, or --replace.")
    chosen = context.settings(home)
    with (
        granted(chosen, "collections export", collection=name) as grant,
        open_register(chosen) as register,
        terminal.progress() as report,
    ):
        written = register.exports.export(grant, name, file, report)
    size = terminal.size_of(file.stat().st_size)
    terminal.say(f"Exported {written.faces:,} faces of {name} to {terminal.readable(file)}, {size}.")


def import_(  # noqa: PLR0913, PLR0917 - the options of a command
    file: File,
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="The collection; its name when exported unless given.")
    ] = None,
    face_model: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="The model of the embeddings, for a file not exported by Regard."),
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="Add to a collection that holds other faces too.")] = False,
    basis: BasisOption = None,
    source: SourceOption = None,
    home: Home = None,
) -> None:
    """Import a collection from an exported Parquet file, or embeddings from a Parquet file of your own.

    The whole file is checked before anything is stored. Stop it with Ctrl-C whenever you like: the same command resumes
    where it stopped.
    """
    chosen, reason = context.settings(home), basis_of(basis, source)
    with terminal.progress() as report:
        rehearse(file, report)
    with closing(ParquetTable(file)) as table:
        content, target = _read(table, chosen, name, face_model, add)
        with (
            granted(chosen, "collections import", collection=target.name) as grant,
            open_register(chosen) as register,
        ):
            with _going_on("what was imported stays"), terminal.progress() as report:
                done = register.imports.run(grant, content, target, report, reason)
            context.bring_on(register, grant, done.collection)
    _tell(done, known_models(chosen))


def verify(name: Which = None, home: Home = None) -> None:
    """Check every embedding, and compare the index with the database. Exits with 1 if something is wrong."""
    chosen = context.settings(home)
    with (
        granted(chosen, "collections verify", collection=name) as grant,
        open_register(chosen) as register,
        terminal.progress() as report,
    ):
        which = register.integrity.collections(grant, name)
        wrong = {each.id: register.integrity.faults(grant, each, report) for each in which}
        unfinished = {each.id: register.integrity.unfinished(grant, each) for each in which}
        miscounts = {each.id: register.integrity.miscounts(grant, each) for each in which}
    if not any(wrong.values()):
        wrong = _differences(chosen, which, name)
    for each in which:
        wrong[each.id] += miscounts[each.id]
        if into := unfinished[each.id]:
            wrong[each.id].append(_half_way(each, into))
    for about, faults in wrong.items():
        for fault in faults:
            terminal.fail(f"{about}: {fault}")
    if any(wrong.values()):
        raise typer.Exit(1)
    terminal.say(f"{len(which):,} collections: every embedding is valid, and the index agrees with the database.")


def rebuild(name: Which = None, home: Home = None) -> None:
    """Rebuild the index of a collection from the database, and give up a move that was not finished.

    For collections in the embedded index, stop servers on the same home first. Collections in a shared index cannot be
    searched until it is done.
    """
    chosen = context.settings(home)
    with granted(chosen, "collections rebuild", collection=name) as grant:
        with open_register(chosen) as register:
            which = register.integrity.collections(grant, name)
            for each in which:
                register.integrity.recount(grant, each)
            embedded = [each for each in which if each.index == EMBEDDED]
            register.drop_embedded(grant, embedded)
            _refill(register, grant, [each for each in which if each.index != EMBEDDED], everything=name is None)
            size = sum(register.integrity.size(grant, each) for each in which)
        if embedded:
            with terminal.progress() as report, open_engine(chosen, report):
                pass  # opening the engine fills the index
    terminal.say(f"Rebuilt the index of {len(which):,} collections, {size:,} faces.")


def move(
    name: Annotated[str, typer.Argument(help="The collection to move.", show_default=False)],
    into: Annotated[str, typer.Option("--to", metavar="INDEX", help="milvus, or embedded.", show_default=False)],
    home: Home = None,
) -> None:
    """Move a collection to another index: the one that all servers share, or each server's own.

    Searches and writes continue during the move. Stop it with Ctrl-C whenever you like: the same command resumes where
    it stopped; to give up, move the collection to the index it is in.
    """
    if into not in (EMBEDDED, MILVUS):
        raise InvalidParameter(f"--to is {into}; use {MILVUS} or {EMBEDDED}.")
    chosen = context.settings(home)
    with (
        granted(chosen, "collections move", collection=name) as grant,
        open_register(chosen) as register,
        _going_on("what has been moved stays"),
        terminal.progress() as report,
    ):
        moved = register.migration.move(grant, name, into, report)
    if moved.came_from == into:
        gave_up = f"Gave up the move of {name}: it" if moved.gave_up else name
        terminal.say(f"{gave_up} is in {into} already.")
    else:
        read = f" Read {_amounts(moved.vectors)} for it." if into != EMBEDDED else ""
        terminal.say(f"{name} is in {into} now.{read}")
    if moved.left_in:
        terminal.note(f"{moved.left_in} does not answer and still holds the faces; they are deleted once it answers.")


# -- importing ---------------------------------------------------------------------------------------------------


def _read(
    table: ParquetTable, chosen: Settings, name: str | None, face_model: str | None, add: bool
) -> tuple[Source, Target]:
    """What the file is, and where its faces go."""
    cards = {card.version: card for card in open_zoo(chosen).cards.values() if card.task == "face-embedder"}
    face_model = next((version for version, card in cards.items() if card.name == face_model), face_model)
    if is_archive(table):
        archive = Archive(table)
        about = archive.manifest
        expected = cards[about.face_model].dimension if about.face_model in cards else about.dimension
        if about.dimension not in (0, expected):
            raise InvalidParameter(
                f"{table.file} holds embeddings of {about.dimension} numbers; those of {about.face_model} have "
                f"{expected}."
            )
        if face_model not in (None, about.face_model):
            raise InvalidParameter(f"{table.file} holds faces of the model {about.face_model}, not {face_model}.")
        target = Target(
            name=checked(name or about.collection),
            created_at=instant(about.created_at),
            tags=about.tags,
            users_without_faces=about.users_without_faces,
            adding=add,
        )
        return archive, target
    if name is None or face_model is None:
        raise InvalidParameter(
            f"{table.file} was not exported by Regard: give --as NAME and the model of its embeddings with "
            f"--face-model VERSION, such as {', '.join(cards)}."
        )
    if not FACE_MODEL_VERSION.allows(face_model):
        raise InvalidParameter(
            f"--face-model is {face_model[:80]!r}; use 1 to {FACE_MODEL_VERSION.longest} letters, digits, "
            f"'_', '.', '-'."
        )
    now = datetime.now(UTC)
    dimension = cards[face_model].dimension if face_model in cards else None
    plain = EmbeddingsFile(table, face_model, dimension, now)
    if plain.ignored:
        terminal.note(f"Ignoring the columns {ascii(', '.join(plain.ignored)[:300])[1:-1]}.")
    return plain, Target(name=checked(name), created_at=now, adding=add)


def _amounts(vectors: Mapping[str, int]) -> str:
    """How many of each kind, in words."""
    return " and ".join(f"{count:,} {feed}" for feed, count in vectors.items())


@contextmanager
def _going_on(kept: str) -> Iterator[None]:
    """Print how to resume after an interruption."""
    try:
        yield
    except (KeyboardInterrupt, InternalServerError) as error:
        if not isinstance(error, SettingsError):
            terminal.note(f"Stopped; {kept}. Run the same command to resume.")
        raise


def _tell(done: Imported, known: KnownModels) -> None:
    there = f"; {done.held:,} were there already" if done.held else ""
    terminal.say(
        f"Imported {done.stored:,} faces{there}. The collection {done.collection.id} holds {done.size:,} faces."
    )
    if done.strangers.count:
        terminal.note(
            f"Warning: {done.strangers.count:,} of the file's {done.stored + done.held:,} embeddings do not look like "
            f"those of {done.collection.face_model}: {done.strangers.share:.0%} of their energy lies "
            f"where it has none. Searches may not find them. If another model made them, delete the collection and "
            f"import the file with its --face-model."
        )
    if known.find(done.collection.face_model) is None:
        terminal.note(
            f"Its faces are of the model {done.collection.face_model}, for which there is no card here: it can be "
            f"neither searched nor added to by pictures until models.toml has one."
        )


# -- verifying and rebuilding ------------------------------------------------------------------------------------


def _differences(chosen: Settings, which: list[Collection], name: str | None) -> dict[str, list[str]]:
    """Where the indexes and SQL differ, by the collection's id; or by "The index" if it concerns no collection."""
    with (
        granted(chosen, "collections verify") as grant,
        terminal.progress() as report,
        open_engine(chosen, report) as engine,
    ):
        found = engine.index_check.agreement(grant)
    ids = {each.key: each.id for each in which}
    wrong: dict[str, list[str]] = {each.id: [] for each in which}
    for each in found:
        if each.collection_key in ids:
            wrong[ids[each.collection_key]].append(each.text)
        elif name is None:
            wrong.setdefault("The index", []).append(str(each))
    return wrong


def _refill(register: Register, grant: Grant, shared: list[Collection], *, everything: bool) -> None:
    with terminal.progress() as report:
        if everything:
            register.migration.refill_all(grant, shared, report)
            return
        for each in shared:
            register.migration.refill(grant, each, report)


def _half_way(collection: Collection, into: str) -> str:
    if into == collection.index:
        return f"its rebuild was not finished: `regard collections rebuild {collection.id}` resumes it"
    return (
        f"its move to {into} was not finished: `regard collections move {collection.id} --to {into}` resumes it, and "
        f"`--to {collection.index}` gives it up"
    )
