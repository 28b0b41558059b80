"""The database: opened, migrated, and its faults put in words. Rows are the business of the files beside this one."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from regard.errors import InternalServerError, SettingsError

MIGRATIONS = Path(__file__).with_name("migrations")
#: Connections kept open; more are opened when more threads than this read at once.
_POOL = 16


class _Here(threading.local):
    """What the current thread is in the middle of."""

    writing: Connection | None = None


class Database:
    """Transactions on one database. Made by `open`; safe to share between threads.

    Within a thread they join: a block inside a `write` is part of it, and sees what it has done so far.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(writing=True)
        # SQLite has one writer: waiting in line here is fair and quick, waiting in its busy handler is neither.
        self._line: AbstractContextManager[object] = (
            threading.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )
        self._here = _Here()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot: everything read inside is of one moment. In a `write`, what that would commit now."""
        running = self._here.writing
        with _faults_in_words(), self._engine.connect() if running is None else nullcontext(running) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, on disk when the outermost block ends; all undone if any block raises."""
        running = self._here.writing
        with self._begun() if running is None else self._joined(running) as connection:
            yield connection

    def committed(self) -> Database:
        """The same database to read from, joining no `write` of this one: for who could not undo what they learn."""
        return Database(self._engine)

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        with self._line, _faults_in_words(), self._writing.begin() as connection:
            self._here.writing = connection
            try:
                yield connection
            finally:
                self._here.writing = None
            if not connection.in_transaction():
                raise RuntimeError("a block of this transaction failed and undid it, and that was passed over")

    @contextmanager
    def _joined(self, connection: Connection) -> Iterator[Connection]:
        try:
            with _faults_in_words():
                yield connection
        except BaseException:
            connection.rollback()  # now, so that nothing can go on and commit the half that succeeded
            raise

    def close(self) -> None:
        self._engine.dispose()


def open(url: str, *, busy_seconds: float = 10.0) -> Database:  # noqa: A001 - read as `database.open(url)`
    """The database at `url`, made and migrated as needed; another process may do the same at the same time.

    `busy_seconds` is how long a transaction waits for another process's. Raises SettingsError when the URL or the
    file cannot be used, or when a newer Regard has migrated it.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SettingsError(
            f"{url!r} is not a database URL; one looks like sqlite:////var/lib/regard/regard.db"
        ) from error
    try:
        with _alone(parsed):
            _migrate(parsed, busy_seconds)
    except (DatabaseError, OSError) as error:
        reason = _in_words(error) if isinstance(error, DatabaseError) else str(error)
        raise SettingsError(f"The database {parsed.render_as_string()} cannot be opened. {reason}") from error
    return Database(_engine(parsed, busy_seconds))


@contextmanager
def _alone(url: URL) -> Iterator[None]:
    """Make SQLite's file, readable by its owner only, and keep other processes out while it is migrated."""
    if url.get_backend_name() != "sqlite":
        yield
        return
    if not url.database or url.database == ":memory:":
        raise SettingsError(
            "SQLite needs a file, as in sqlite:////var/lib/regard/regard.db: memory would not outlive it"
        )
    file = Path(url.database)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not file.exists():  # never open and close a live database here: closing drops SQLite's own locks
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield
    finally:
        os.close(folder)


def _migrate(url: URL, busy_seconds: float) -> None:
    """Bring the schema to this code's, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    # Foreign keys off: to alter a table SQLite copies and drops it, and the drop would cascade.
    engine = _engine(url, busy_seconds, foreign_keys=False)
    try:
        with engine.execution_options(writing=True).begin() as connection:
            newer = set(MigrationContext.configure(connection).get_current_heads()) - known
            if newer:
                raise SettingsError(
                    f"The database {url.render_as_string()} is of a newer Regard: it has schema {min(newer)}, and this "
                    f"one knows {max(known)}. Install that version again, or restore a backup made before it."
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _engine(url: URL, busy_seconds: float, *, foreign_keys: bool = True) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, hide_parameters=True)  # what is stored has no place in a message or a log
    connect_args = {"timeout": busy_seconds}
    if foreign_keys:
        engine = create_engine(url, connect_args=connect_args, pool_size=_POOL, max_overflow=-1, hide_parameters=True)
    else:
        engine = create_engine(url, connect_args=connect_args, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # sqlite3 must not begin transactions itself: `begin` below does
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # a commit is on disk before it is acknowledged
            "secure_delete = ON",  # a deleted embedding is overwritten
            f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its lock at once: upgrading from a read snapshot fails without waiting.
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


_WORDS = {
    "SQLITE_FULL": "The disk that holds the database is full; nothing was stored. Free some space and try again.",
    "SQLITE_BUSY": "The database stayed locked by another process; nothing was stored. Try again.",
    "SQLITE_READONLY": "The database cannot be written: check who owns its file and folder, and how it is mounted.",
    "SQLITE_CANTOPEN": "The database file cannot be opened: check who owns its file and folder.",
    "SQLITE_NOTADB": "The file is not a database. Move it away, or restore a backup.",
    "SQLITE_CORRUPT": "The database file is damaged. Stop Regard and restore a backup.",
    "SQLITE_IOERR": "The disk that holds the database failed to read or write; see the system log.",
}


def _in_words(error: DatabaseError) -> str:
    """What happened and what to do, for SQLite's result codes (sqlite.org/rescode.html)."""
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    said = next((words for code, words in _WORDS.items() if name.startswith(code)), "The database failed.")
    return f"{said} ({error.orig})"


@contextmanager
def _faults_in_words() -> Iterator[None]:
    """A fault of disk, lock or file becomes InternalServerError; a broken constraint is the caller's to read."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error, OperationalError) or type(error) is DatabaseError:
            raise InternalServerError(_in_words(error)) from error
        raise
