"""A worker that is a process of its own: spawned, never forked, for there are threads here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Lock

from regard.engine.analysis.photo_batches import Finding, PhotoAnalyzer
from regard.engine.work.worker_pool import Task, WorkerLost
from regard.errors import RegardError

_SPAWN = get_context("spawn")
#: Seconds until a process that was asked to end is ended by force.
_GRACE = 2.0


class WorkerProcess:
    """Speaks with its process through a pipe, which closes when either side dies: nobody waits for the dead."""

    def __init__(self, prepare: Callable[[], PhotoAnalyzer]) -> None:
        """Start it; `prepare` makes what it works with, there."""
        self._connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_work, args=(theirs, prepare), name="regard worker", daemon=True)
        self._ending = Lock()
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def ready(self) -> None:
        self._answer()

    def __call__(self, files: Task) -> list[Finding]:
        try:
            self._connection.send(files)
        except OSError as error:
            raise self._lost() from error
        return self._answer()

    def end(self) -> None:
        with self._ending:  # two threads must not wait for one process at once
            self._process.terminate()
            self._process.join(_GRACE)
            if self._process.exitcode is None:
                self._process.kill()
                self._process.join()

    def _answer(self) -> list[Finding]:
        try:
            answer: list[Finding] | RegardError = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        if isinstance(answer, RegardError):
            raise answer
        return answer

    def _lost(self) -> WorkerLost:
        self.end()
        code = self._process.exitcode or 0
        return WorkerLost(f"Signal {-code} ended it." if code < 0 else f"It exited with {code}.")


def _work(connection: Connection, prepare: Callable[[], PhotoAnalyzer]) -> None:
    """What the process does until its parent is gone."""
    with suppress(EOFError, BrokenPipeError, ConnectionResetError), connection:
        try:
            photo_analyzer = prepare()
            photo_analyzer.try_out()
            connection.send([])
            while True:
                connection.send(photo_analyzer(connection.recv()))
        except RegardError as error:
            connection.send(error)
