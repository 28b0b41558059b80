"""Sweeps in the background: what is due goes within a minute, whichever server of several sees it first."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from types import TracebackType

from regard.accountability.case_expiry import Due
from regard.accountability.gate import Gate, Grant
from regard.accountability.retention import Retention
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.errors import RegardError
from regard.store.receipt_rows import ReceiptRows

log = logging.getLogger(__name__)

#: How often it is looked for what is due, and for what has no terms yet, which reads more.
LOOK_SECONDS, SETTLE_SECONDS = 60.0, 3600.0
#: A clock that has jumped by more than this since the server started is not believed: it would erase what is not due.
_JUMP_SECONDS = 3600.0
_TURN = "turn"
_CALLER = Caller(principal=Principal(access_key_id="", name="sweeper"), channel=Channel.WORKER)


class Sweeper:
    """A thread, from when it is entered until it is left. `watch` is called each time as well.

    Where nothing is due, nothing is written.
    """

    def __init__(
        self,
        gate: Gate,
        retention: Retention,
        rows: ReceiptRows,
        clock: Callable[[], datetime],
        watch: Callable[[Gate], object] = lambda _: None,
        seconds: float = LOOK_SECONDS,
    ) -> None:
        self._gate = gate
        self._retention = retention
        self._rows = rows
        self._clock = clock
        self._watch = watch
        self._seconds = seconds
        self._began = clock().timestamp() - _since_boot()
        self._settle_at = 0.0
        self._told = False
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._sweep_on, name="sweeper", daemon=True)

    def __enter__(self) -> Sweeper:
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._left.set()
        self._thread.join()

    def sweep(self) -> int:
        """Erase what is due, if it is this process's turn; how many that were. Raises RegardError."""
        now = self._clock()
        if self._jumped(now):
            return 0
        self._retention.lapse()
        if _since_boot() >= self._settle_at:
            self._settle_at = _since_boot() + SETTLE_SECONDS
            self._retention.settle()
        due = list(self._retention.due())
        if not due or not self._rows.take_turn(_TURN, now, now - timedelta(seconds=self._seconds / 2)):
            return 0
        return sum(self._tried(each) for each in due if not self._left.is_set())

    def opening(self, collection: str | None) -> AbstractContextManager[Grant]:
        """The grant to sweep a collection, or what is of none."""
        return self._gate.open(_CALLER, Act(action=Action.DELETE, operation="sweep", collection=collection))

    def _tried(self, due: Due) -> int:
        """What cannot be erased keeps nothing else from it."""
        try:
            return self._erase(due)
        except RegardError as error:
            log.warning("What is due of the class %s could not be erased: %s", due.kind, error.message)
            return 0

    def _erase(self, due: Due) -> int:
        with self.opening(due.collection) as grant:
            count = due.erase(grant)
        log.info("Erased %d of the class %s, whose time was over.", count, due.kind)
        return count

    def _jumped(self, now: datetime) -> bool:
        jump = now.timestamp() - _since_boot() - self._began
        if abs(jump) <= _JUMP_SECONDS:
            self._told = False
        elif not self._told:
            self._told = True
            log.critical(
                "The clock of this machine has jumped by %.0f seconds. Nothing is erased by its time until it is right "
                "again, or the server is restarted.",
                jump,
            )
        return abs(jump) > _JUMP_SECONDS

    def _sweep_on(self) -> None:
        while not self._left.wait(self._seconds):
            try:
                self.sweep()
                self._watch(self._gate)
            except RegardError as error:  # a full disk, a wrong clock, a lock: it is tried again
                log.warning("What is due could not be erased, and will be tried again: %s", error.message)


def _since_boot() -> float:
    """Seconds, those of a sleeping machine too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
