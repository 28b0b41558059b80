"""What may be done later is done by one thread, however many there are that ask for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger(__name__)

#: Does a piece of work; whether there is more of it.
Task = Callable[[], bool]


class Maintenance:
    """Does tasks one at a time, in the order they were asked for; one with more to do comes again after the others."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "maintenance")  # begins with the first task
        self._changed = threading.Condition()
        self._due: dict[Task, None] = {}
        self._working = False
        self._closed = False

    def ask(self, task: Task) -> None:
        """Have this done soon; once, if it is asked for again before it begins. Nothing is done once closed."""
        with self._changed:
            if self._closed:
                return
            self._due[task] = None
            if not self._working:
                self._working = True
                self._thread.submit(self._work)

    def quiet(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; whether that was in time."""
        return self.wait_for(lambda: not self._working, timeout)

    def wait_for(self, met: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until this is so, or nothing is done any more; `met` is asked again after each piece of work."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed or met(), timeout)

    def close(self) -> None:
        """End with the piece of work that is being done."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify_all()
        self._thread.shutdown()

    def _work(self) -> None:
        while task := self._next():
            try:
                more = task()
            except Exception:  # what one gallery cannot do must not keep the others from it
                log.exception("A task of the index failed.")
                more = False
            if more:
                self.ask(task)

    def _next(self) -> Task | None:
        with self._changed:
            task = next(iter(self._due), None)
            if task is None:
                self._working = False
            else:
                del self._due[task]
            self._changed.notify_all()
            return task
