"""A worker that is a process of its own. It is spawned, never forked: this process has threads."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from threading import Lock
from typing import Generic

from regard.engine.work.worker_pool import Item, Processor, Result, WorkerLost
from regard.errors import RegardError

_SPAWN = get_context("spawn")
#: A process that does not end in this time after SIGTERM is killed.
_END_SECONDS = 2.0


class WorkerProcess(Generic[Item, Result]):
    """Talks to its process through a pipe, which closes when either side dies: neither waits for a dead one."""

    def __init__(self, prepare: Callable[[], Processor[Item, Result]]) -> None:
        """Start the process, which calls `prepare` (picklable) for its processor."""
        self._connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_work, args=(theirs, prepare), name="regard worker", daemon=True)
        self._ending = Lock()
        _start_tracker()
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def wait_until_ready(self) -> None:
        self._answer()

    def __call__(self, items: Sequence[Item], /) -> Sequence[Result]:
        try:
            self._connection.send(items)
        except OSError as error:
            raise self._lost() from error
        return self._answer()

    def end(self) -> None:
        with self._ending:  # two threads must not wait for one process at once
            self._process.terminate()
            self._process.join(_END_SECONDS)
            if self._process.exitcode is None:
                self._process.kill()
                self._process.join()

    def _answer(self) -> Sequence[Result]:
        try:
            answer: Sequence[Result] | RegardError = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        if isinstance(answer, RegardError):
            raise answer
        return answer

    def _lost(self) -> WorkerLost:
        self.end()
        code = self._process.exitcode or 0
        if code < 0:
            return WorkerLost(f"Signal {-code} ended it.", signal=-code)
        return WorkerLost(f"It exited with code {code}.")


def _start_tracker() -> None:
    """What Python starts with the first process lets Ctrl-C through in this thread afterwards (until 3.12), and the
    process would inherit that: it is started before, and the thread's signals are put back."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection, prepare: Callable[[], Processor[Item, Result]]) -> None:
    """The process's main function, which returns when the parent is gone."""
    with suppress(EOFError, BrokenPipeError, ConnectionResetError), connection:
        try:
            processor = prepare()
            processor.try_out()
        except RegardError as error:
            connection.send(error)
            return
        connection.send([])
        while True:
            connection.send(_attempt(processor, connection.recv()))


def _attempt(processor: Processor[Item, Result], items: Sequence[Item]) -> Sequence[Result] | RegardError:
    try:
        return processor(items)
    except RegardError as error:
        return error
