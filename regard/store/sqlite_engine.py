"""SQLite: a file, one writer at a time, everything on disk before it is acknowledged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from regard.errors import SettingsError
from regard.files import file_lock, make_folder
from regard.store.sqlite_file import SqliteFile

#: Bytes of a page: seven faces with 512 numbers, where 4 KiB hold three and a quarter of it is empty.
PAGE = 8192
#: Connections kept open; more are opened when more threads than this read at once.
_POOL = 16

#: What happened and what to do, by the beginning of a result code's name (sqlite.org/rescode.html).
WORDS = {
    "SQLITE_FULL": "The disk that holds the database is full; nothing was stored. Free some space and try again.",
    "SQLITE_BUSY": "The database stayed locked by another process; nothing was stored. Try again.",
    "SQLITE_READONLY": "The database cannot be written: check who owns its file and folder, and how it is mounted.",
    "SQLITE_CANTOPEN": "The database file cannot be opened: check who owns its file and folder.",
    "SQLITE_NOTADB": "The file is not a database. Move it away, or restore a backup.",
    "SQLITE_CORRUPT": "The database file is damaged. Stop Regard and restore a backup.",
    "SQLITE_IOERR": "The disk that holds the database failed to read or write; see the system log.",
}


@contextmanager
def alone(url: URL) -> Iterator[None]:
    """Make the file, readable by its owner only, and keep other processes out while it is migrated."""
    if not url.database or url.database == ":memory:":
        raise SettingsError(
            "SQLite needs a file, as in sqlite:////var/lib/regard/regard.db: memory would not outlive it"
        )
    file = Path(url.database)
    make_folder(file.parent)
    with file_lock(file.parent):
        if not file.exists():  # never open and close a live database here: closing drops SQLite's own locks
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield


@contextmanager
def turn(url: URL) -> Iterator[None]:
    """Hold what one thread of one process holds at a time; the database itself is not locked."""
    with file_lock(Path(f"{url.database}-turn")):
        yield


def file(url: URL, erase_seconds: float) -> SqliteFile:
    """The file of a database that has been migrated."""
    return SqliteFile(str(url.database), erase_seconds)


def engine(url: URL, busy_seconds: float, *, migrating: bool = False) -> Engine:
    """The engine; for `migrating` without foreign keys: SQLite alters a table by dropping it, which would cascade."""
    connect_args = {"timeout": busy_seconds}
    if migrating:
        made = create_engine(url, connect_args=connect_args, poolclass=NullPool, hide_parameters=True)
    else:
        # After each write a connection reads its pages again: those in use are to be as few as can be.
        made = create_engine(
            url, connect_args=connect_args, pool_size=_POOL, max_overflow=-1, pool_use_lifo=True, hide_parameters=True
        )

    @event.listens_for(made, "connect")
    def prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.text_factory = _text
        connection.isolation_level = None  # sqlite3 must not begin transactions itself: `begin` below does
        for pragma in (
            f"page_size = {PAGE}",  # of a new file; another stays as it was made
            "journal_mode = WAL",
            "synchronous = FULL",  # a commit is on disk before it is acknowledged
            "secure_delete = ON",  # a deleted embedding is overwritten
            f"foreign_keys = {'OFF' if migrating else 'ON'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its lock at once: upgrading from a read snapshot fails without waiting.
        options = connection.get_execution_options()
        writing = options.get("writing", False) or options.get("beside", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return made


def _text(raw: bytes) -> str:
    """Also what is damaged: it must not keep the rest of its row from being read."""
    return raw.decode("utf-8", "replace")
