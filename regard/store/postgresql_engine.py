"""PostgreSQL through psycopg: several servers on one database, their writers one after another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, ExecutionContext
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError, OperationalError, ProgrammingError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from regard.errors import SettingsError
from regard.store import postgresql_url

#: Connections kept open; more are opened when more threads than this read at once.
_POOL = 16
#: A writer holds this advisory lock until the transaction's end. A sequence gives keys in the order they are asked
#: for; only so is that the order of commits, and a key above the last one seen is everything that is new.
_WRITERS = int.from_bytes(b"regard", "big")
#: A server that brings a shared index up to date holds this one while it does.
_TURN = int.from_bytes(b"turn", "big")
#: A machine that vanishes in the middle of a transaction holds the lock no longer than this.
_IDLE_MS = 60_000

#: What happened and what to do, by the beginning of a SQLSTATE (PostgreSQL, appendix A).
WORDS = {
    "08001": "No connection to PostgreSQL there: check host, port and TLS, and that it runs and listens.",
    "08": "The connection to PostgreSQL was lost. Try again: what is stored already is not stored twice.",
    "25006": "PostgreSQL accepts no writes: it is a standby, or set read-only. Name the primary.",
    "25P03": "The transaction stood still for too long, and PostgreSQL ended it; nothing was stored. Try again.",
    "28": "PostgreSQL refuses the user: check name and password, and what pg_hba.conf allows.",
    "3D000": "There is no such database on this server: make it with `createdb`.",
    "40": "Another transaction was in the way; nothing was stored. Try again.",
    "42501": "The user may not do this: the tables and the schema must be the user's own.",
    "53100": "The disk that holds the database is full; nothing was stored. Free some space and try again.",
    "53300": "PostgreSQL has no connection left: raise max_connections, or run fewer servers.",
    "55P03": "The database stayed locked by another process; nothing was stored. Try again.",
    "57P": "PostgreSQL is stopping or starting; nothing was stored. Try again.",
    "58": "The disk that holds the database failed to read or write; see PostgreSQL's log.",
    "XX": "The database is damaged. Stop Regard, see PostgreSQL's log, and restore a backup.",
}

#: SQLSTATEs by the server's words: libpq keeps the code to itself while it connects. Where the server speaks another
#: language than English, "08001" and its own words have to do.
_REFUSALS = {
    "authentication failed": "28P01",
    "no password supplied": "28P01",
    "no pg_hba.conf entry": "28000",
    "role .* does not exist": "28000",
    "is not permitted to log in": "28000",
    "database .* does not exist": "3D000",
    "permission denied for database": "42501",
    "too many (clients|connections)": "53300",
    "connection slots are reserved": "53300",
    "the database system is": "57P03",
}


class Refusal(Exception):
    """What PostgreSQL said, less the values it quotes: they have no place in a message or a log."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


@contextmanager
def alone(_: URL) -> Iterator[None]:
    """Nothing to do: the migration's transaction holds the writers' lock."""
    yield


@contextmanager
def turn(_: URL) -> Iterator[None]:
    """Nothing to do: the transaction holds the lock."""
    yield


class ServersFile:
    """PostgreSQL minds its files itself, and what was deleted stays in them until VACUUM."""

    def check(self) -> None:
        """Nothing to do."""

    def fault(self) -> str | None:
        return None

    def written(self) -> None:
        """Nothing to do."""

    def erase_within(self, seconds: float) -> None:
        """When VACUUM runs is its operator's to say."""

    def erase(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing to do."""


def file(_: URL, __: float) -> ServersFile:
    return ServersFile()


def engine(url: URL, busy_seconds: float, *, migrating: bool = False) -> Engine:
    """The engine; `migrating` waits for another's migration as long as it takes."""
    told = postgresql_url.options(url)
    plain = url.set(drivername=f"postgresql+{postgresql_url.DRIVER}", query={})
    pool: dict[str, Any] = {"poolclass": NullPool} if migrating else {"pool_size": _POOL, "max_overflow": -1}
    try:
        driver = plain.get_dialect().import_dbapi()
    except ImportError as error:  # also where there is psycopg and no libpq
        raise SettingsError("PostgreSQL needs the extra `cluster`: pip install 'regard[cluster]'") from error
    options = postgresql_url.libpq_defaults(driver) | told
    made = create_engine(plain, connect_args=options, hide_parameters=True, use_native_hstore=False, **pool)
    _keep_connections(made)
    begin_transactions(made, lock_ms=0 if migrating else max(1, int(busy_seconds * 1000)))
    event.listen(made, "handle_error", _understood)
    return made


def _keep_connections(made: Engine) -> None:
    """Read bytes as asked, refuse an encoding that loses names, and replace what a restart of PostgreSQL cut off."""

    @event.listens_for(made, "do_execute")
    def execute(cursor: Any, statement: str, parameters: Any, context: ExecutionContext) -> bool:
        cursor.execute(statement, parameters, binary=context.execution_options.get("binary", False))
        return True

    @event.listens_for(made, "connect")
    def prepare(connection: Any, _: ConnectionPoolEntry) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            connection.close()
            raise SettingsError(
                f"The database's encoding is {encoding}, which cannot hold every name: "
                "make it with `createdb --encoding UTF8 --template template0`."
            )

    @event.listens_for(made, "checkout")
    def revive(connection: Any, _: ConnectionPoolEntry, __: PoolProxiedConnection) -> None:
        try:
            connection.cursor().execute(";")
        except made.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def begin_transactions(made: Engine, *, lock_ms: int) -> None:
    # Each is one message. A writer reads what is committed *after* it has the lock, hence READ COMMITTED: a snapshot
    # would be of the moment before. No one else writes while it is held, so what it reads holds all the same.
    beside = (
        f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = {lock_ms}; "
        f"SET LOCAL idle_in_transaction_session_timeout = {_IDLE_MS}"
    )
    locked = f"{beside}; SELECT pg_advisory_xact_lock"
    read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        lock = _WRITERS if options.get("writing") else _TURN if options.get("turning") else None
        unlocked = beside if options.get("beside") else read
        connection.exec_driver_sql(unlocked if lock is None else f"{locked}({lock})").close()


def _understood(context: ExceptionContext) -> DBAPIError | None:
    """The error by its SQLSTATE, less the details, which quote what was stored."""
    error: Any = context.original_exception
    if context.sqlalchemy_exception is None:
        return None
    message = error.diag.message_primary or str(error).partition("\n")[0]
    lost = context.is_disconnect or (context.connection is None and error.sqlstate is None)
    refusal = Refusal(error.sqlstate or (_sqlstate_of_loss(context, message) if lost else ""), message)
    error.args = (message,)
    context.is_disconnect = lost or refusal.sqlstate.startswith(("08", "57P", "25P03"))
    kinds = {"23": IntegrityError, "42": ProgrammingError}
    kind = OperationalError if refusal.sqlstate in WORDS else kinds.get(refusal.sqlstate[:2], OperationalError)
    return kind(context.statement, None, refusal, hide_parameters=True)


def _sqlstate_of_loss(context: ExceptionContext, message: str) -> str:
    if context.connection is not None:
        return "08006"
    return next((state for words, state in _REFUSALS.items() if re.search(words, message)), "08001")
