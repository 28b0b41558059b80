"""Workers in parallel: batches of items in, results out in the same order, even if workers die on the way."""

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
from typing import Generic, Protocol, TypeVar

from regard.errors import InternalServerError, RegardError

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)

#: Batches under way, or done before their turn, for each worker.
_BATCHES_AHEAD = 3
#: The pool waits this long for all of its workers, then begins with those that are ready.
_START_SECONDS = 60.0


class WorkerLost(Exception):
    """A worker ended in the middle of its work; the message is what is known about the cause. `signal` is what ended
    it, 0 if that is not known to be one."""

    def __init__(self, message: str = "", *, signal: int = 0) -> None:
        super().__init__(message)
        self.signal = signal


class Processor(Protocol[Item_contra, Result_co]):
    """Does a worker's work. It is made where the worker runs, so only items and results need to be picklable."""

    def try_out(self) -> None:
        """Raises RegardError if this machine cannot do the work."""

    def __call__(self, items: Sequence[Item_contra], /) -> Sequence[Result_co]:
        """One result for each item, in order. Raises RegardError for a fault that would affect every batch."""


class Worker(Protocol[Item_contra, Result_co]):
    """Does one batch at a time."""

    def wait_until_ready(self) -> None:
        """Raises RegardError or WorkerLost if it will never be ready."""

    def __call__(self, items: Sequence[Item_contra], /) -> Sequence[Result_co]:
        """One result for each item. Raises WorkerLost, after which it is useless, or what its processor raises."""

    def end(self) -> None:
        """Stop it at once, whatever it is doing. May be called from any thread, and more than once."""


class WorkerPool(Generic[Item, Result]):
    """Up to `count` workers, each made by `start`. Used as a context: the workers end with it.

    A thread in this process waits for each worker. A worker that is lost is replaced, and its items are tried again
    one by one. An item that ends its worker a second time, alone, gets `lost(item, why)` as its result, and no other
    item is lost with it. `name` describes the workers, for messages.
    """

    def __init__(
        self,
        start: Callable[[], Worker[Item, Result]],
        count: int,
        *,
        lost: Callable[[Item, str], Result],
        name: str = "",
    ) -> None:
        self.count = count
        self.name = name
        self._start = start
        self._lost = lost
        self._lock = Lock()
        self._workers: set[Worker[Item, Result]] = set()
        #: Workers without a batch; None once there will be no more.
        self._free: SimpleQueue[Worker[Item, Result] | None] = SimpleQueue()
        #: Workers that are running or starting.
        self._alive = count
        self._fault: RegardError = InternalServerError("The work was stopped before it was done.")
        self._ended = False
        self._starters = ThreadPoolExecutor(count, "start-worker", initializer=_block_interrupts)
        self._callers = ThreadPoolExecutor(count, "call-worker", initializer=_block_interrupts)

    def __enter__(self) -> WorkerPool[Item, Result]:
        """Start the workers. Raises RegardError, with the reason, if none of them can begin."""
        with ExitStack() as on_failure:
            on_failure.callback(self.end)
            started, _ = wait([self._starters.submit(self._start_one) for _ in range(self.count)], _START_SECONDS)
            for each in started:
                each.result()  # raises unexpected errors
            if not self._alive:
                raise self._fault
            on_failure.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def run(self, batches: Iterable[Sequence[Item]]) -> Iterator[Sequence[Result]]:
        """The results of each batch, in order. Only a few batches ahead are drawn for each worker.

        Raises RegardError for a fault that would affect every batch; the pool can be used for other work afterwards.
        """
        left, running = iter(batches), deque[Future[Sequence[Result]]]()
        try:
            while True:
                while len(running) < _BATCHES_AHEAD * self.count and (batch := next(left, None)) is not None:
                    running.append(self._callers.submit(self._results, batch))
                if not running:
                    return
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()

    def end(self) -> None:
        """End the workers at once; the batches they were working on are dropped."""
        with self._lock:
            self._ended = True
            workers = list(self._workers)
        for worker in workers:
            worker.end()
        self._free.put(None)
        self._callers.shutdown(cancel_futures=True)
        self._starters.shutdown(cancel_futures=True)

    def _results(self, batch: Sequence[Item]) -> Sequence[Result]:
        try:
            return self._call(batch)
        except WorkerLost:
            return [self._result_alone(item) for item in batch]

    def _result_alone(self, item: Item) -> Result:
        try:
            return self._call([item])[0]
        except WorkerLost as error:
            return self._lost(item, str(error))

    def _call(self, batch: Sequence[Item]) -> Sequence[Result]:
        """Give the batch to the next free worker, and wait for the result."""
        worker = self._free.get()
        if worker is None:
            self._free.put(None)  # for the other threads that wait
            raise self._fault
        try:
            return worker(batch)
        except WorkerLost:
            self._remove(worker)
            self._restart()
            worker = None
            raise
        finally:
            if worker:
                self._free.put(worker)

    def _restart(self) -> None:
        with self._lock:
            if not self._ended:
                self._starters.submit(self._start_one)

    def _start_one(self) -> None:
        worker = None
        try:
            with self._lock:
                if self._ended:
                    return
                worker = self._start()
                self._workers.add(worker)
            worker.wait_until_ready()
        except (WorkerLost, RegardError, OSError) as error:  # OSError if the system cannot start another process
            if worker:
                self._remove(worker)
            self._go_on_without(error)
        else:
            self._free.put(worker)

    def _remove(self, worker: Worker[Item, Result]) -> None:
        worker.end()
        with self._lock:
            self._workers.discard(worker)

    def _go_on_without(self, error: WorkerLost | RegardError | OSError) -> None:
        """One worker fewer; if it was the last, every batch fails with the reason."""
        with self._lock:
            if not self._ended:
                log.warning("A worker could not be started; the others continue. %s", error)
            self._alive -= 1
            if not self._alive and not self._ended:
                why = f"Every worker ended before it could begin. {error}"
                self._fault = error if isinstance(error, RegardError) else InternalServerError(why)
                self._free.put(None)


def _block_interrupts() -> None:
    """Ctrl-C is for the main thread. Processes started by this thread ignore it too: the pool ends them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
