"""`regard collections export`, `import`, `verify`, `rebuild`: whole collections, moved and looked after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from regard import app as root
from regard.commands import context, terminal
from regard.commands.collection_names import checked
from regard.commands.terminal import Home
from regard.config.settings import Settings
from regard.domain.galleries import EMBEDDED, MILVUS, Collection
from regard.engine.transfer import collection_export, integrity
from regard.engine.transfer.collection_export import Archive
from regard.engine.transfer.collection_import import Imported, Importer, Source, Target
from regard.engine.transfer.embeddings_file import EmbeddingsFile
from regard.engine.transfer.index_migration import IndexMigration
from regard.errors import InternalServerError, InvalidParameter, SettingsError
from regard.media.parquet import ParquetTable
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.move_rows import MoveRows
from regard.store.tables.columns import instant
from regard.store.transfer_rows import TransferRows

_PAGE = 1000

File = Annotated[Path, typer.Argument(help="The Parquet file.", show_default=False)]
Which = Annotated[str | None, typer.Argument(help="The collection; all of them unless given.", show_default=False)]


def export(
    name: Annotated[str, typer.Argument(help="The collection to export.", show_default=False)],
    file: File,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the file if it is there.")] = False,
    home: Home = None,
) -> None:
    """Write a collection to a Parquet file: faces, ids, users, embeddings, tags, and a checksum.

    It holds what the collection holds at the moment it begins, whoever writes meanwhile. The file is biometric data:
    it is readable by you alone, and should stay so.
    """
    if file.exists() and not replace:
        raise InvalidParameter(f"{terminal.readable(file)} is there already. Give another name, or --replace.")
    with context.store(context.settings(home)) as opened, terminal.progress() as report:
        written = collection_export.export(TransferRows(opened), name, file, report)
    size = terminal.size_of(file.stat().st_size)
    terminal.say(f"Exported {written.faces:,} faces of {name} to {terminal.readable(file)}, {size}.")


def import_(
    file: File,
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="The collection; named as when exported unless given.")
    ] = None,
    face_model: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="What made the embeddings of a file that Regard has not exported."),
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="The collection may hold other faces too.")] = False,
    home: Home = None,
) -> None:
    """Read a collection from a Parquet file that was exported, or embeddings from one that somebody else has made.

    All of the file is checked before anything is stored. Stop it with Ctrl-C whenever you like: the same command goes
    on where it was.
    """
    chosen = context.settings(home)
    with closing(ParquetTable(file)) as table:
        source, target = _read(table, chosen, name, face_model, add)
        with context.store(chosen) as opened:
            collections = CollectionRows(opened, chosen.index)
            with _going_on("what was imported stays"), terminal.progress() as report:
                done = Importer(collections, TransferRows(opened)).run(source, target, report)
            context.bring_on(chosen, opened, done.collection)
            size = collections.face_count(done.collection.key)
    _tell(done, size, root.zoo(chosen).card(chosen.embedder).version)


def verify(name: Which = None, home: Home = None) -> None:
    """Compare SQL and the index both ways, and look at every embedding. Exits with 1 where something is wrong."""
    chosen = context.settings(home)
    with context.store(chosen) as opened:
        which = _collections(opened, name)
        wrong = _unsound(opened, which)
        unfinished = MoveRows(opened).unfinished()
    if not any(wrong.values()):
        differences = _differences(chosen)
        for each in which:
            beginning = f"collection {each.key}: "
            wrong[each.id] += [said.removeprefix(beginning) for said in differences if said.startswith(beginning)]
        if name is None:
            known = tuple(f"collection {each.key}: " for each in which)
            wrong["The index"] = [said for said in differences if not said.startswith(known)]
    for each in which:
        if each.id in unfinished:
            wrong[each.id].append(_half_way(each, unfinished[each.id]))
    for about, faults in wrong.items():
        for fault in faults:
            terminal.fail(f"{about}: {fault}")
    if any(wrong.values()):
        raise typer.Exit(1)
    terminal.say(f"{len(which):,} collections: every embedding is sound, and the index holds what SQL holds.")


def rebuild(name: Which = None, home: Home = None) -> None:
    """Build the index of a collection anew from SQL, files and all, and give up a move that was not ended.

    For collections of the embedded index no server may run on the same home meanwhile; those of a shared one cannot be
    searched until it is done.
    """
    chosen = context.settings(home)
    with context.store(chosen) as opened:
        which = _collections(opened, name)
        mine = [each for each in which if each.index == EMBEDDED]
        if mine:
            root.drop_indexes(chosen, opened, [each.key for each in mine])
    with terminal.progress() as report, closing(root.build(chosen, report)) as regard:
        migration = IndexMigration(MoveRows(regard.database), regard.follower.shared)
        for each in mine:
            migration.move(each, EMBEDDED)
        theirs = [each for each in which if each.index != EMBEDDED]
        if name is None:
            migration.refill_all(theirs, report)
        else:
            for each in theirs:
                migration.refill(each, report)
        sizes = [CollectionRows(regard.database).face_count(each.key) for each in which]
    terminal.say(f"Rebuilt the index of {len(which):,} collections, {sum(sizes):,} faces.")


def move(
    name: Annotated[str, typer.Argument(help="The collection to move.", show_default=False)],
    into: Annotated[str, typer.Option("--to", metavar="INDEX", help="milvus, or embedded.", show_default=False)],
    home: Home = None,
) -> None:
    """Let a collection live in another index: the one that all servers share, or each server's own.

    Searches and writes go on meanwhile. Stop it with Ctrl-C whenever you like: the same command goes on where it was,
    and moving it to where it is gives up.
    """
    if into not in (EMBEDDED, MILVUS):
        raise InvalidParameter(f"--to is {into}, which is neither {MILVUS} nor {EMBEDDED}.")
    chosen = context.settings(home)
    with context.store(chosen) as opened, _going_on("what has come over stays"):
        collection = CollectionRows(opened).get(name)
        shared = root.shared_index(chosen, opened)
        with terminal.progress() as report, closing(shared) if shared else nullcontext():
            moved = IndexMigration(MoveRows(opened), shared).move(collection, into, report)
    if collection.index == into:
        gave_up = f"Gave up the move of {name}: it" if moved.gave_up else name
        terminal.say(f"{gave_up} lives in {into} already.")
    else:
        read = f" Read {moved.faces:,} faces and {moved.users:,} users for it." if into != EMBEDDED else ""
        terminal.say(f"{name} lives in {into} now.{read}")
    if moved.left_in:
        terminal.note(f"{moved.left_in} does not answer, and still has its faces; it forgets them when it does.")


# -- importing ---------------------------------------------------------------------------------------------------


def _read(
    table: ParquetTable, chosen: Settings, name: str | None, face_model: str | None, add: bool
) -> tuple[Source, Target]:
    """What the file is, and where its faces go."""
    cards = {card.version: card for card in root.zoo(chosen).cards.values() if card.task == "face-embedder"}
    face_model = next((version for version, card in cards.items() if card.name == face_model), face_model)
    if collection_export.is_archive(table):
        archive = Archive(table)
        about = archive.manifest
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
            f"{table.file} was not exported by Regard: say --as NAME, and --face-model VERSION for what made its "
            f"embeddings, such as {', '.join(cards)}."
        )
    now = datetime.now(UTC)
    dimension = cards[face_model].dimension if face_model in cards else None
    plain = EmbeddingsFile(table, face_model, dimension, now)
    if plain.ignored:
        terminal.note(f"Passing over the columns {', '.join(plain.ignored)}.")
    return plain, Target(name=checked(name), created_at=now, adding=add)


@contextmanager
def _going_on(kept: str) -> Iterator[None]:
    """Say how to go on after what can interrupt."""
    try:
        yield
    except (KeyboardInterrupt, InternalServerError) as error:
        if not isinstance(error, SettingsError):
            terminal.note(f"Stopped; {kept}, and the same command goes on from there.")
        raise


def _tell(done: Imported, size: int, embedder: str) -> None:
    there = f"; {done.held:,} were there already" if done.held else ""
    terminal.say(f"Imported {done.stored:,} faces{there}. The collection {done.collection.id} holds {size:,} faces.")
    if done.collection.face_model != embedder:
        terminal.note(
            f"Its faces are of the model {done.collection.face_model}, and this installation's embedder is {embedder}: "
            f"searching it needs the other one."
        )


# -- verifying ---------------------------------------------------------------------------------------------------


def _collections(opened: Database, name: str | None) -> list[Collection]:
    rows = CollectionRows(opened)
    if name is not None:
        return [rows.get(name)]
    found: list[Collection] = []
    while page := rows.page(found[-1].key if found else 0, _PAGE):
        found += page
    return found


def _unsound(opened: Database, which: list[Collection]) -> dict[str, list[str]]:
    collections, rows = CollectionRows(opened), TransferRows(opened)
    with terminal.progress() as report:
        return {each.id: integrity.faults(rows, each, report, collections.face_count(each.key)) for each in which}


def _half_way(collection: Collection, into: str) -> str:
    if into == collection.index:
        return f"its rebuilding was not ended: `regard collections rebuild {collection.id}` goes on"
    return (
        f"its move to {into} was not ended: `regard collections move {collection.id} --to {into}` goes on, and "
        f"`--to {collection.index}` gives up"
    )


def _differences(chosen: Settings) -> list[str]:
    with terminal.progress() as report, closing(root.build(chosen, report)) as regard:
        return regard.follower.agreement()
