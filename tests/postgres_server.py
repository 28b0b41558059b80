"""A real PostgreSQL in a process of its own, from Debian's packages, for every test that wants one.

Without its binaries such tests fail where the variable CI is set, as continuous integration sets it, and are skipped
elsewhere.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from regard.store import database

USER, PASSWORD = "regard", "s3cret/päss@word"
#: The same, as a URL must have it.
QUOTED = "s3cret%2Fp%C3%A4ss%40word"
_PATIENCE = 60.0
_MISSING = "needs PostgreSQL's server: apt-get install postgresql"
#: Tests end PostgreSQL's clients by force, never its machine: it need not reach the disk.
_QUICK = ("fsync=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=200MB")
#: What those that are ended by force do in earnest.
DURABLE = ("fsync=on", "full_page_writes=on", "autovacuum=on", "max_wal_size=2GB")


@dataclass(frozen=True)
class PostgresServer:
    """A running server with one superuser."""

    port: int
    data: Path
    process: subprocess.Popen[bytes]
    names: Iterator[int]

    def url(self, name: str, options: str = "?sslmode=disable") -> str:
        return f"postgresql://{USER}:{QUOTED}@127.0.0.1:{self.port}/{name}{options}"

    def run(self, *statements: str, name: str = "postgres") -> list[Any]:
        """Execute statements outside any transaction; the rows of the last."""
        options = {"user": USER, "password": PASSWORD, "host": "127.0.0.1", "sslmode": "disable"}
        with closing(psycopg.connect(port=self.port, dbname=name, autocommit=True, **options)) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return [list(row) for row in cursor.fetchall()] if cursor.description else []

    def crash(self, name: str) -> None:
        """`kill -9` of a process of a session of this database's: all sessions end, and it recovers from its log."""
        sessions = self.run("SELECT pid, datname FROM pg_stat_activity")
        os.kill(next(pid for pid, datname in sessions if datname == name), signal.SIGKILL)

    def wait(self) -> None:
        """Until it answers. Raises RuntimeError if it ended, or does not come."""
        end = time.monotonic() + _PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            try:
                self.run("SELECT 1")
            except psycopg.Error:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("PostgreSQL does not answer")

    @contextmanager
    def database(self, options: str = "") -> Iterator[str]:
        """The name of a new database; it goes at the end, whoever is still in it."""
        name = f"test{next(self.names)}"
        self.run(f"CREATE DATABASE {name} {options}")
        yield name
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    found = binaries()
    if found is None:
        pytest.fail(_MISSING) if os.environ.get("CI") else pytest.skip(_MISSING)
    # Not below pytest's own folder, which another user cannot enter.
    with tempfile.TemporaryDirectory(prefix="regard-postgresql-") as folder, running(found, Path(folder)) as server:
        server.run("CREATE DATABASE migrated")
        database.open(server.url("migrated")).close()
        yield server


def binaries() -> Path | None:
    """The folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return Path(there).parent if there else None


def _somebody() -> dict[str, Any]:
    """Who runs it: PostgreSQL refuses to be root's."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def running(binaries: Path, folder: Path, *settings: str) -> Iterator[PostgresServer]:
    """A server whose data lie in `folder`, stopped at the end."""
    somebody = _somebody()
    if somebody:
        os.chown(folder, somebody["user"], somebody["group"])
    data, password, log = folder / "data", folder / "password", folder / "log"
    password.write_text(PASSWORD, encoding="utf-8")
    password.chmod(0o644)
    made = [binaries / "initdb", "--no-sync", "--username", USER, "--auth", "scram-sha-256", "--pwfile", password]
    made += ["--encoding", "UTF8", "--locale", "C", "--pgdata", data]
    subprocess.run(made, check=True, capture_output=True, cwd=folder, **somebody)
    port = _free_port()
    chosen = [f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", *_QUICK, *settings]
    command = [binaries / "postgres", "-D", data, *(word for each in chosen for word in ("-c", each))]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, **somebody)
    try:
        server = PostgresServer(port, data, process, count())
        try:
            server.wait()
        except RuntimeError as error:
            raise RuntimeError(f"{error}: {log.read_text()}") from error
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # "fast": it ends its sessions and goes
        process.wait(timeout=_PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
