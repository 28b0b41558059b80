"""What a database's URL tells psycopg, and what libpq under it must not find out for itself."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from regard.errors import SettingsError

#: Seconds a server may take to accept a connection; seconds without a sign of life after which one counts as lost.
_CONNECT_SECONDS, _LOST_SECONDS = 10, 30
DRIVER = "psycopg"
_OPTIONS = {"sslmode", "sslrootcert", "unix_sock", "application_name"}
_SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
#: A path at which there can be no file. libpq reads files of the home where it is given no other.
_NO_FILE = "/dev/null/none"
#: What libpq is always told. A server that does not answer counts as lost in time; nothing is taken from the home.
_LIBPQ: dict[str, str | int] = {
    "connect_timeout": _CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": _LOST_SECONDS,
    "tcp_user_timeout": _LOST_SECONDS * 1000,
    "hostaddr": "",
    "client_encoding": "UTF8",
    "gssencmode": "disable",
    "sslcertmode": "disable",
    "passfile": _NO_FILE,
}


def options(url: URL) -> dict[str, Any]:
    """What psycopg is told. Raises SettingsError where the URL says what cannot be."""
    if "+" in url.drivername and url.get_driver_name() != DRIVER:
        raise SettingsError(f"Regard speaks to PostgreSQL through {DRIVER}: begin the URL with postgresql://")
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
    # Transactions are begun by `begin`. Nothing is prepared: the next one may be another session's, behind a pooler.
    ours = {"application_name": given.get("application_name", "regard"), "autocommit": True, "prepare_threshold": None}
    who = {"user": url.username, "password": url.password or "", "dbname": url.database or ""}
    tls = _tls(given.get("sslmode", "prefer"), given.get("sslrootcert"))
    return _LIBPQ | ours | who | _address(url, given.get("unix_sock")) | tls


def _address(url: URL, unix_sock: str | None) -> dict[str, Any]:
    if unix_sock is None:
        return {"host": url.host or "localhost", "port": url.port or 5432}
    if (named := re.fullmatch(r"(/.*)/\.s\.PGSQL\.(\d+)", unix_sock)) is None:
        raise SettingsError(
            f"unix_sock={unix_sock} is no socket of PostgreSQL; one looks like /var/run/postgresql/.s.PGSQL.5432"
        )
    return {"host": named[1], "port": int(named[2])}


def _tls(mode: str, authority: str | None) -> dict[str, str]:
    if mode not in _SSL_MODES:
        raise SettingsError(
            f"The database's URL says sslmode={mode}, which is unknown; use one of {', '.join(_SSL_MODES)}."
        )
    if not mode.startswith("verify"):
        if authority is not None:
            raise SettingsError("sslrootcert checks nothing without sslmode=verify-full (or verify-ca).")
        return {"sslmode": mode, "sslrootcert": _NO_FILE}
    authority = authority or _system_authorities()
    try:
        ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise SettingsError(f"sslrootcert={authority} cannot be read as PEM certificates: {error}") from error
    return {"sslmode": mode, "sslrootcert": authority}


def _system_authorities() -> str:
    """The file of the authorities that the system trusts: the OpenSSL that comes with psycopg does not know it."""
    known = ssl.get_default_verify_paths()
    files = [known.cafile, *([f"{known.capath}/ca-certificates.crt"] if known.capath else [])]
    for file in files:
        if file and Path(file).is_file():
            return file
    raise SettingsError(
        "This system has no file of the certificate authorities it trusts; name your own with sslrootcert."
    )


def libpq_defaults(driver: Any) -> dict[str, str]:
    """libpq's own settings, where the environment would change them: settings come from one place."""
    known = driver.pq.Conninfo.get_defaults()
    changed = [each for each in known if each.envvar and each.compiled is not None and each.val != each.compiled]
    return {each.keyword.decode(): each.compiled.decode() for each in changed}
