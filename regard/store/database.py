"""The database: opened, migrated, and its faults put in words. Rows are the business of the files beside this one."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Protocol

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from regard.errors import InternalServerError, SettingsError
from regard.store import postgresql_engine, sqlite_engine
from regard.store.plain_writes import PlainWrites

#: Seconds in which what was deleted is gone from the disk, unless a profile says otherwise.
ERASE_SECONDS = 60.0
MIGRATIONS = Path(__file__).with_name("migrations")


class _Kind(Protocol):
    """What one kind of database has of its own."""

    def alone(self, url: URL, /) -> AbstractContextManager[None]: ...

    def engine(self, url: URL, busy_seconds: float, *, migrating: bool = False) -> Engine: ...

    def turn(self, url: URL, /) -> AbstractContextManager[None]: ...

    def file(self, url: URL, erase_seconds: float, /) -> DatabaseFile: ...


class DatabaseFile(Protocol):
    """What a database keeps its rows in, while it is open."""

    def check(self) -> None:
        """Raises InternalServerError if what is written now would not be there later."""

    def fault(self) -> str | None:
        """Why nothing can be stored, for a client to read; None if nothing is wrong."""

    def written(self) -> None:
        """Called after each write, before it is acknowledged."""

    def erase_within(self, seconds: float) -> None:
        """As `Database.erase_within`."""

    def erase(self) -> bool:
        """Let what was deleted be gone from the disk; whether that was possible."""

    def close(self) -> None: ...


_KINDS: dict[str, _Kind] = {"sqlite": sqlite_engine, "postgresql": postgresql_engine}
_WORDS = sqlite_engine.WORDS | postgresql_engine.WORDS


class _Here(threading.local):
    """What the current thread is in the middle of."""

    writing: Connection | None = None
    afterwards: list[Callable[[], None]]


#: An open transaction, for those who only hand it on to the rows.
Transaction = Connection


class Companion(Protocol):
    """What is to be written with everything that a thread writes: in the same transaction, or neither is."""

    def write(self, transaction: Transaction, /) -> None:
        """Called last in each transaction. What this raises undoes it."""

    def written(self) -> None:
        """Called when that transaction is on disk."""


class _Accompanied(threading.local):
    """Who accompanies the current thread."""

    companion: Companion | None = None


_ACCOMPANIED = _Accompanied()


@contextmanager
def accompanied(companion: Companion | None) -> Iterator[None]:
    """While the block lasts, `companion` is part of whatever this thread writes, to whichever database; with None,
    nothing is."""
    before, _ACCOMPANIED.companion = _ACCOMPANIED.companion, companion
    try:
        yield
    finally:
        _ACCOMPANIED.companion = before


class Database:
    """Transactions on one database. Made by `open`; safe to share between threads.

    Within a thread they join: a block inside a `write` is part of it, and sees what it has done so far.
    """

    def __init__(self, engine: Engine, file: DatabaseFile) -> None:
        self._engine = engine
        self._file = file
        self._writing = engine.execution_options(writing=True)
        self._turning = engine.execution_options(turning=True)
        self._beside = engine.execution_options(beside=True)
        # There is one writer: waiting in line here is fair and quick, and takes no connection.
        self._line = threading.Lock()
        self._here = _Here()
        self._plain = PlainWrites(engine)

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
        companion = _ACCOMPANIED.companion
        with self._begun(companion) if running is None else self._joined(running) as connection:
            yield connection
        if running is None:
            self._file.written()
            if companion is not None:
                companion.written()
            for deed in self._here.afterwards:
                deed()

    @property
    def writes_plainly(self) -> bool:
        """Whether this thread may `write_plainly` now."""
        return self._here.writing is None and self._engine.dialect.name == "sqlite"

    @contextmanager
    def write_plainly(self) -> Iterator[sqlite3.Connection]:
        """As `write`, on SQLite's own connection, which takes a fifth of the time; accompanied by nothing."""
        with self._line, _faults_in_words():
            with self._plain.transaction() as connection:
                yield connection
            self._file.check()
        self._file.written()

    def write_at_once(self, statement: str, values: Sequence[object]) -> int:
        """As `write_plainly`, a single statement; returns how many rows it changed."""
        with self._line, _faults_in_words():
            changed = self._plain.execute(statement, values)
            self._file.check()
        self._file.written()
        return changed

    def afterwards(self, deed: Callable[[], None]) -> None:
        """Do this when what the thread writes is committed, and not if it is undone; now if it writes nothing."""
        if self._here.writing is None:
            deed()
        else:
            self._here.afterwards.append(deed)

    @contextmanager
    def turn(self) -> Iterator[Connection]:
        """A transaction that one thread of one process is in at a time, while others write as they like.

        For work outside of SQL: what is written here says how far it has come, and comes last. Never in a `write`,
        which the holder of the turn may be waiting for. If the process dies the turn ends.
        """
        if self._here.writing is not None:
            raise RuntimeError("a turn is no part of a transaction")
        self._file.check()
        kind = _KINDS[self._engine.url.get_backend_name()]
        with _faults_in_words(), kind.turn(self._engine.url), self._turning.begin() as connection:
            yield connection

    @contextmanager
    def beside(self) -> Iterator[Connection]:
        """As `write`, but on PostgreSQL without waiting for the other writers, and with no companion.

        For rows whose order nobody follows, which are locked one by one, such as a job's leases. Inside a `write` it is
        part of that; never begin a `write` in it.
        """
        running = self._here.writing
        if running is not None:
            with self._joined(running) as connection:
                yield connection
            return
        self._file.check()
        line = self._line if self._engine.url.get_backend_name() == "sqlite" else nullcontext()
        with line, _faults_in_words(), self._beside.begin() as connection:
            yield connection
        self._file.written()

    def committed(self) -> Database:
        """The same database to read from, joining no `write` of this one, which may yet be undone."""
        return Database(self._engine, self._file)

    @contextmanager
    def _begun(self, companion: Companion | None) -> Iterator[Connection]:
        with self._line, _faults_in_words():
            self._file.check()
            with self._writing.begin() as connection:
                self._here.writing, self._here.afterwards = connection, []
                try:
                    yield connection
                finally:
                    self._here.writing = None
                if not connection.in_transaction():
                    raise RuntimeError("a block of this transaction failed and undid it, and that was passed over")
                if companion is not None:
                    companion.write(connection)
            self._file.check()  # it may have been removed since, and then nothing was stored

    @contextmanager
    def _joined(self, connection: Connection) -> Iterator[Connection]:
        try:
            with _faults_in_words():
                yield connection
        except BaseException:
            connection.rollback()  # now, so that nothing can go on and commit the half that succeeded
            raise

    def identity(self) -> str:
        """Which database this is; a copy is the same. Raises SettingsError where that is lost."""
        with self.read() as connection:
            found = connection.exec_driver_sql("SELECT id FROM identity").scalar_one_or_none()
        if not isinstance(found, str):
            raise SettingsError("The database is damaged: its table `identity` is empty. Restore a backup.")
        return found

    def fault(self) -> str | None:
        """Why nothing can be stored, for a client to read; None if nothing is wrong."""
        return self._file.fault()

    def erase_within(self, seconds: float) -> None:
        """From now on what is deleted is gone from SQLite's files so soon, if it was to take longer; with 0, before the
        deletion is acknowledged."""
        self._file.erase_within(seconds)

    def close(self) -> None:
        self._engine.dispose()
        self._file.close()


def open(  # noqa: A001 - read as `database.open(url)`
    url: str, *, busy_seconds: float = 10.0, erase_seconds: float = ERASE_SECONDS
) -> Database:
    """The database at `url`, made and migrated as needed; another process may do the same at the same time.

    `busy_seconds` is how long a transaction waits for another process's. What was deleted is gone from SQLite's files
    `erase_seconds` later; with 0, before the deletion is acknowledged. Raises SettingsError when the URL or the
    database cannot be used, or when a newer Regard has migrated it.
    """
    parsed = _parsed(url)
    kind = _KINDS[parsed.get_backend_name()]
    try:
        with kind.alone(parsed):
            _migrate(kind.engine(parsed, busy_seconds, migrating=True), shown(url))
            file = kind.file(parsed, erase_seconds)
    except (DatabaseError, sqlite3.Error, OSError) as error:
        reason = " ".join(_in_words(error)) if isinstance(error, DatabaseError) else str(error)
        raise SettingsError(f"The database {shown(url)} cannot be opened. {reason}") from error
    return Database(kind.engine(parsed, busy_seconds), file)


def shown(url: str) -> str:
    """The URL as it may be shown: without its password. Raises SettingsError as `open`."""
    return _parsed(url).render_as_string()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # which quote what may hold a password
        raise SettingsError(
            "`[store] database` is not a database URL; one looks like sqlite:////var/lib/regard/regard.db "
            "or postgresql://user:password@host/name, with what is special in a password percent-encoded."
        ) from None
    if parsed.get_backend_name() not in _KINDS:
        raise SettingsError(f"Regard knows {' and '.join(_KINDS)}, not {parsed.get_backend_name()}.")
    return parsed


def _migrate(engine: Engine, name: str) -> None:
    """Bring the schema to this code's, in one transaction."""
    known = _revisions()
    try:
        with engine.execution_options(writing=True).begin() as connection:
            current = set(MigrationContext.configure(connection).get_current_heads())
            if newer := current - known:
                raise SettingsError(
                    f"The database {name} is of a newer Regard: it has schema {min(newer)}, and this "
                    f"one knows {max(known)}. Install that version again, or restore a backup made before it."
                )
            if current != {max(known)}:
                config = Config(attributes={"connection": connection})
                config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
                command.upgrade(config, "head")
    finally:
        engine.dispose()


@cache
def _revisions() -> frozenset[str]:
    """The schemas that this code knows; they are numbered."""
    return frozenset(script.revision for script in ScriptDirectory(MIGRATIONS).walk_revisions())


def _in_words(error: DatabaseError) -> tuple[str, str]:
    """What happened and what to do, by the database's own code; and what the database said, in brackets."""
    code = str(getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", ""))
    words = next((words for begins, words in _WORDS.items() if code.startswith(begins)), "The database failed.")
    return words, f"({error.orig})"


@contextmanager
def _faults_in_words() -> Iterator[None]:
    """A fault of disk, lock or file becomes InternalServerError; a broken constraint is the caller's to read."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error, OperationalError) or type(error) is DatabaseError:
            words, said = _in_words(error)
            raise InternalServerError(f"{words} {said}", public=words) from error
        raise
