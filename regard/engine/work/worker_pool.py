"""Workers side by side: tasks in, results out in the same order, whatever becomes of a worker meanwhile."""

from __future__ import annotations

import logging
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from queue import SimpleQueue
from threading import Lock
from types import TracebackType
from typing import Protocol

from regard.engine.analysis.photo_batches import File, Finding, PhotoAnalyzer, Skipped
from regard.errors import InternalServerError, RegardError

log = logging.getLogger(__name__)

Task = Sequence[File]

#: Tasks under way or done before their turn, for each worker.
_AHEAD = 3
#: Seconds that a job waits for all of its workers before it begins with those that are there.
_PATIENCE = 60.0


class WorkerLost(Exception):
    """A worker ended in the middle of its work; its text says what is known of why."""


class Worker(Protocol):
    """Does one task at a time."""

    def ready(self) -> None:
        """Return when it can begin. Raises RegardError or WorkerLost when it never will."""

    def __call__(self, files: Task) -> list[Finding]:
        """Raises WorkerLost, and is of no further use; or RegardError, for what would happen to any other as well."""

    def end(self) -> None:
        """Stop it at once, whatever it is doing; from any thread, more than once."""


class WorkerPool:
    """Up to `count` workers, made by `hire`. Used as a context: they end with it.

    Each has a thread here that waits for it. One that is lost is replaced, and its files are tried once more, one by
    one, so that a file that ends workers is found, and costs no other file.
    """

    def __init__(self, hire: Callable[[], Worker], count: int, name: str = "") -> None:
        self.count = count
        #: What to call them.
        self.name = name
        self._hire = hire
        self._lock = Lock()
        self._staff: set[Worker] = set()
        self._idle: SimpleQueue[Worker | None] = SimpleQueue()
        #: Workers that live or are awaited.
        self._hoped = count
        self._fault: RegardError = InternalServerError("The work was ended.")
        self._ended = False
        self._hiring = ThreadPoolExecutor(count, "hire", initializer=_undisturbed)
        self._waiting = ThreadPoolExecutor(count, "wait", initializer=_undisturbed)

    def __enter__(self) -> WorkerPool:
        """Start the workers. Raises what keeps all of them from beginning."""
        with ExitStack() as unless_all_is_well:
            unless_all_is_well.callback(self.end)
            wait([self._hiring.submit(self._recruit) for _ in range(self.count)], _PATIENCE)
            if not self._hoped:
                raise self._fault
            unless_all_is_well.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def run(self, tasks: Iterable[Task]) -> Iterator[list[Finding]]:
        """What was found for each task, in their order; no more than a few for each worker are begun before.

        Raises RegardError for what concerns every task.
        """
        left, running = iter(tasks), deque[Future[list[Finding]]]()
        while True:
            while len(running) < _AHEAD * self.count and (task := next(left, None)) is not None:
                running.append(self._waiting.submit(self._done, task))
            if not running:
                return
            yield running.popleft().result()

    def end(self) -> None:
        """End the workers; what they were doing is lost."""
        with self._lock:
            self._ended = True
            staff = list(self._staff)
        for worker in staff:
            worker.end()
        self._idle.put(None)
        self._waiting.shutdown(cancel_futures=True)
        self._hiring.shutdown(cancel_futures=True)

    def _done(self, task: Task) -> list[Finding]:
        try:
            return self._given(task)
        except WorkerLost:
            return [self._alone(file) for file in task]

    def _alone(self, file: File) -> Finding:
        try:
            return self._given([file])[0]
        except WorkerLost as error:
            return Skipped(reason="cannot be analysed", detail=f"It ended the worker that tried it, alone. {error}")

    def _given(self, task: Task) -> list[Finding]:
        """Let the next worker who is free do it."""
        worker = self._idle.get()
        if worker is None:
            self._idle.put(None)  # for the others who wait
            raise self._fault
        try:
            findings = worker(task)
        except WorkerLost:
            self._dismiss(worker)
            with self._lock:
                if not self._ended:
                    self._hiring.submit(self._recruit)
            raise
        self._idle.put(worker)
        return findings

    def _recruit(self) -> None:
        worker = None
        try:
            with self._lock:
                if self._ended:
                    return
                worker = self._hire()
                self._staff.add(worker)
            worker.ready()
        except (WorkerLost, RegardError) as error:
            if worker:
                self._dismiss(worker)
            self._give_up(error)
        else:
            self._idle.put(worker)

    def _dismiss(self, worker: Worker) -> None:
        worker.end()
        with self._lock:
            self._staff.discard(worker)

    def _give_up(self, error: WorkerLost | RegardError) -> None:
        """Go on with one worker less; without any, end."""
        with self._lock:
            if not self._ended:
                log.warning("There is one worker less. %s", error)
            self._hoped -= 1
            if not self._hoped and not self._ended:
                lost = f"Every worker ended before it could begin. {error}"
                self._fault = error if isinstance(error, RegardError) else InternalServerError(lost)
                self._idle.put(None)


class ThisProcess:
    """Works in the thread that asks: beside others it decodes while their models run."""

    def __init__(self, photo_analyzer: PhotoAnalyzer) -> None:
        self._examiner = photo_analyzer

    def ready(self) -> None:
        self._examiner.try_out()

    def __call__(self, files: Task) -> list[Finding]:
        return self._examiner(files)

    def end(self) -> None:
        """A thread cannot be stopped; it ends when its task does."""


def _undisturbed() -> None:
    """Ctrl-C is the main thread's to hear. Processes that this thread starts do not hear it either: they are ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
