"""PostgreSQL through pg8000: several servers on one database, their writers one after another."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidatePoolError, OperationalError, ProgrammingError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection

from regard.errors import SettingsError

#: Connections kept open; more are opened when more threads than this read at once.
_POOL = 16
#: Seconds a server may take to accept a connection; seconds without a sign of life after which one counts as lost.
_CONNECT_SECONDS, _LOST_SECONDS = 10.0, 30
#: Who writes holds this advisory lock until the transaction's end. A sequence gives keys in the order they are asked
#: for; only so is that the order of commits, and a key above the last one seen is everything that is new.
_WRITERS = int.from_bytes(b"regard", "big")
#: Who brings an index on that servers share holds this one meanwhile.
_TURN = int.from_bytes(b"turn", "big")
#: A machine that vanishes in the middle of a transaction holds the lock no longer than this.
_IDLE_MS = 60_000

_DRIVER = "pg8000"
_OPTIONS = {"sslmode", "sslrootcert", "unix_sock", "application_name"}
_SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")

#: What happened and what to do, by the beginning of a SQLSTATE (PostgreSQL, appendix A).
WORDS = {
    "08001": "No connection to PostgreSQL there: check host, port and TLS, and that it runs and listens.",
    "08": "The connection to PostgreSQL was lost. Try again: what is stored already is not stored twice.",
    "25006": "PostgreSQL lets nobody write: it is a standby, or set read-only. Name the primary.",
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


def engine(url: URL, busy_seconds: float, *, migrating: bool = False) -> Engine:
    """The engine; `migrating` waits for another's migration as long as it takes."""
    options = _options(url)
    plain = url.set(drivername=f"postgresql+{_DRIVER}", query={})
    pool: dict[str, Any] = {"poolclass": NullPool} if migrating else {"pool_size": _POOL, "max_overflow": -1}
    try:
        made = create_engine(plain, connect_args=options, hide_parameters=True, **pool)
    except ModuleNotFoundError as error:
        raise SettingsError("PostgreSQL needs the extra `cluster`: pip install 'regard[cluster]'") from error
    made.dialect.use_insertmanyvalues_wo_returning = True  # many rows in one statement, not one statement for each
    _keep_connections(made)
    _begin_transactions(made, lock_ms=0 if migrating else max(1, int(busy_seconds * 1000)))
    event.listen(made, "handle_error", _understood)
    return made


def _options(url: URL) -> dict[str, Any]:
    """What pg8000 is told beside the URL's own parts."""
    if "+" in url.drivername and url.get_driver_name() != _DRIVER:
        raise SettingsError(f"Regard speaks to PostgreSQL through {_DRIVER}: begin the URL with postgresql://")
    if not url.username:
        raise SettingsError("The database's URL names no user; one looks like postgresql://user:password@host/name")
    if unknown := sorted(url.query.keys() - _OPTIONS):
        raise SettingsError(
            f"The database's URL has {unknown[0]!r} after the question mark; what may stand there: "
            f"{', '.join(sorted(_OPTIONS))}."
        )
    given = {name: value for name, value in url.query.items() if isinstance(value, str)}
    if twice := sorted(url.query.keys() - given):
        raise SettingsError(f"The database's URL says {twice[0]} twice.")
    tls = _tls(given.pop("sslmode", "prefer"), given.pop("sslrootcert", None))
    return {"application_name": "regard", **given, "ssl_context": tls}


def _tls(mode: str, authority: str | None) -> ssl.SSLContext | bool | None:
    """pg8000's `ssl_context` for libpq's names: False is never, None is if the server can, without checking it."""
    if mode not in _SSL_MODES:
        raise SettingsError(f"The database's URL says sslmode={mode}, which is none of {', '.join(_SSL_MODES)}.")
    if not mode.startswith("verify"):
        if authority is not None:
            raise SettingsError("sslrootcert checks nothing without sslmode=verify-full (or verify-ca).")
        return {"disable": False, "prefer": None, "require": True}[mode]
    try:
        context = ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise SettingsError(f"sslrootcert={authority} cannot be read as PEM certificates: {error}") from error
    context.check_hostname = mode == "verify-full"
    return context


def _keep_connections(made: Engine) -> None:
    """Connect within bounds, leave transactions to us, and replace what a restart of PostgreSQL has cut off."""

    @event.listens_for(made, "do_connect")
    def connect(dialect: Dialect, _: object, __: object, given: dict[str, Any]) -> DBAPIConnection:
        # Without a password pg8000 stumbles when it is asked for one.
        options: dict[str, Any] = {"host": "localhost", "port": 5432, "password": ""} | given
        try:
            if "unix_sock" not in options:
                options["sock"] = _socket(options["host"], options["port"])
            connection: DBAPIConnection = dialect.loaded_dbapi.Connection(**options)
        except OSError as error:
            raise dialect.loaded_dbapi.InterfaceError({"C": "08001", "M": str(error)}) from error
        return connection

    @event.listens_for(made, "connect")
    def prepare(connection: Any, _: ConnectionPoolEntry) -> None:
        connection.autocommit = True  # pg8000 must not begin transactions itself: `begin` does
        encoding = connection.parameter_statuses.get("server_encoding")
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
        except (made.dialect.loaded_dbapi.Error, OSError) as error:
            raise InvalidatePoolError from error


def _socket(host: str, port: int) -> socket.socket:
    made = socket.create_connection((host, port), _CONNECT_SECONDS)
    made.settimeout(None)  # a query may take its time
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _LOST_SECONDS)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _LOST_SECONDS * 1000)
    return made


def _begin_transactions(made: Engine, *, lock_ms: int) -> None:
    # Each is one message. A writer reads what is committed *after* it has the lock, hence READ COMMITTED: a snapshot
    # would be of the moment before. NullObserver else writes meanwhile, so what it reads holds all the same.
    locked = (
        f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = {lock_ms}; "
        f"SET LOCAL idle_in_transaction_session_timeout = {_IDLE_MS}; SELECT pg_advisory_xact_lock"
    )
    read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        lock = _WRITERS if options.get("writing") else _TURN if options.get("turning") else None
        connection.exec_driver_sql(read if lock is None else f"{locked}({lock})").close()


def _understood(context: ExceptionContext) -> DBAPIError | None:
    """The error by its SQLSTATE: pg8000 has one class for them all, and a message that quotes what was stored."""
    error = context.original_exception
    lost = isinstance(error, OSError) or isinstance(error.__cause__, OSError) or context.is_disconnect
    if context.sqlalchemy_exception is None and not lost:
        return None
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    otherwise = "" if not lost else "08001" if context.connection is None else "08006"
    refusal = Refusal(said.get("C", otherwise), said.get("M", str(error)))
    said.clear()  # the error that pg8000 raised first has the same one
    error.args = (str(refusal),)
    context.is_disconnect = lost or refusal.sqlstate.startswith(("08", "57P", "25P03"))
    kinds = {"23": IntegrityError, "42": ProgrammingError}
    kind = OperationalError if refusal.sqlstate in WORDS else kinds.get(refusal.sqlstate[:2], OperationalError)
    return kind(context.statement, None, refusal, hide_parameters=True)
