"""A thread that follows SQL now and then, for a process that neither searches nor writes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from regard.errors import RegardError

log = logging.getLogger(__name__)


class Follower:
    """Calls `catch_up` every `seconds`, from when it is entered until it is left.

    A search catches up by itself. Between searches the files of an index would keep what other processes deleted.
    """

    def __init__(self, catch_up: Callable[[], object], seconds: float) -> None:
        self._catch_up = catch_up
        self._seconds = seconds
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    def __enter__(self) -> Follower:
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._left.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._left.wait(self._seconds):
            try:
                self._catch_up()
            except RegardError as error:  # the next search says so to whoever asks
                log.debug("The index could not follow: %s", error.message)
