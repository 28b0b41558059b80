"""The file of an open SQLite database: whether it is still the one at its path, and rid of what was deleted.

A deleted row is overwritten in its page, but the pages of before lie in the database's file until a checkpoint, and in
the write-ahead log until that is cut off. And nothing keeps anyone from removing an open file: SQLite would go on
writing to what has no name any more, and all of it would be gone with the process.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from pathlib import Path

from regard.errors import InternalServerError

log = logging.getLogger(__name__)

#: Seconds that writers wait at most while a checkpoint waits for readers; then it is tried again.
_READERS_SECONDS = 0.25
_RETRY_SECONDS = 1.0
#: Another process that empties the log, as a worker of jobs does after each write, keeps this one from it for a moment,
#: and SQLite does not wait for that: it is tried again after so long, as long as readers would be waited for.
_OTHERS_SECONDS = 0.02
#: Only what has been there for longer than this, too, is told of: a read that takes a second is no long one.
_GRACE_SECONDS = 3.0
#: How often the log is looked at while nothing is due, as a share of the time in which it is to be empty.
_LOOKS = 3

_MOVED = (
    "The database's file was removed or replaced while the server was running. Nothing is stored until its operator "
    "has put the file back and restarted the server."
)
READ_ONLY = "The disk that holds the database is read-only; nothing can be stored."


class SqliteFile:
    """Watches the file of one database, and empties its log `erase_seconds` after a write at the latest; where that is
    0, before the write is acknowledged. Safe to use from many threads."""

    def __init__(self, path: str, erase_seconds: float) -> None:
        self._path = path
        real = os.path.realpath(path)  # beside which SQLite puts the others, where the path is a link
        #: The database, its log, and what its processes share: each is opened once and stays.
        self._files = (Path(path), Path(f"{real}-wal"), Path(f"{real}-shm"))
        self._at_once = erase_seconds == 0
        self._seconds = erase_seconds
        self._turn = threading.Lock()
        # Held open to the end: SQLite removes the log when the last connection closes, and makes another later.
        self._connection = sqlite3.connect(
            path, timeout=_READERS_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("SELECT id FROM identity").fetchone()
        self._opened = self._found()
        self._told = False
        self._closed = threading.Event()
        self.erase()
        self._least_bytes = Path(path).stat().st_size  # the file never shrinks, unless another empties it
        self._thread = threading.Thread(target=self._watch, name="erase", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Return if what is written goes to the file at its path. Raises InternalServerError."""
        found = self._looked_at()
        database = found[0]
        whole = database is not None and database.st_size >= self._least_bytes  # it was not emptied in its place
        if whole and tuple(map(_identity, found)) == self._opened:
            self._told = False
            return
        if not self._told:
            self._told = True
            log.critical("%s was removed or replaced while it was open. Writes are refused.", self._path)
        raise InternalServerError(f"{_MOVED} ({self._path})", public=_MOVED)

    def fault(self) -> str | None:
        """Why nothing can be stored, for a client to read; None if nothing is wrong."""
        try:
            self.check()
            return READ_ONLY if os.statvfs(self._path).f_flag & os.ST_RDONLY else None
        except (InternalServerError, OSError):
            return _MOVED

    def written(self) -> None:
        """After each write: make it final, if that is to be at once."""
        if self._at_once and not self.erase():
            log.warning(
                "What was deleted, if anything, is in %s-wal for a moment longer: another process, such as a running "
                "server, is reading. It is tried again every second; you need do nothing.",
                self._path,
            )

    def erase_within(self, seconds: float) -> None:
        """From now on what was deleted is gone so soon, if it was to take longer."""
        if seconds < self._seconds:
            self._seconds, self._at_once = seconds, seconds == 0

    def erase(self) -> bool:
        """Bring every page of the log to the file, and cut the log off; whether no reader was in the way."""
        with self._turn:
            try:
                end = time.monotonic() + _READERS_SECONDS
                while self._log_bytes():
                    self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()  # most, in nobody's way
                    busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                    if not busy:
                        break
                    if time.monotonic() >= end:
                        return False
                    time.sleep(_OTHERS_SECONDS)
            except sqlite3.Error:  # a full disk, or a read-only one: the next write says so
                return False
            return True

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self.erase()
        self._connection.close()

    def _watch(self) -> None:
        """Empty the log, whichever process wrote to it."""
        usual = self._seconds / _LOOKS or _RETRY_SECONDS
        pause, late, began = usual, False, time.monotonic()
        failed: float | None = None
        while not self._closed.wait(pause):
            if self._found() != self._opened:
                continue
            now = time.monotonic()
            if self.erase():
                pause, late, began, failed = usual, False, now, None
                continue
            pause, failed = _RETRY_SECONDS, failed or now
            if not late and now - began > self._seconds and now - failed >= _GRACE_SECONDS:
                late = True
                log.warning(
                    "What was deleted is still in %s-wal: a long read, such as an export, or a full disk has kept it "
                    "there. It is tried again every second.",
                    self._path,
                )

    def _found(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(map(_identity, self._looked_at()))

    def _looked_at(self) -> list[os.stat_result | None]:
        """What each file is; None for one that is not there. The interpreter is given away for each: one look serves
        for all that is asked of it."""
        return [_stat(file) for file in self._files]

    def _log_bytes(self) -> int:
        try:
            return self._files[1].stat().st_size
        except OSError:
            return 0


def _stat(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - half the time of `Path.stat`, with every entry of the ledger
    except OSError:
        return None


def _identity(found: os.stat_result | None) -> tuple[int, int] | None:
    return None if found is None else (found.st_dev, found.st_ino)
