"""Events on their way: each is tried until it has arrived, at longer and longer intervals, for as long as its job is
kept. One that does not get through holds up nobody else's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol

from regard.domain.jobs import Event
from regard.errors import RegardError
from regard.store.outbox_rows import LONGEST_WAIT, OutboxRows

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_FIRST_WAIT = timedelta(seconds=2)
#: Nobody else tries an event for so long; a try takes less.
_HOLD = timedelta(seconds=60)
_AT_ONCE, _THREADS = 32, 8
DELIVERED = "delivered"


class NotDelivered(Exception):
    """The event did not arrive; the message says why, and names no secret."""


class Target(Protocol):
    """Where events go."""

    def deliver(self, event: Event) -> None:
        """Returns when it has arrived. Raises NotDelivered, within a time that `_HOLD` allows."""


class Deliveries:
    """Delivers what is in the outbox, in the background while it is entered."""

    def __init__(self, outbox: OutboxRows, targets: Mapping[str, Target], clock: Callable[[], datetime]) -> None:
        """`targets` are by the name that events have for them."""
        self._outbox = outbox
        self._targets = targets
        self._clock = clock
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._deliver_on, name="deliveries", daemon=True)

    def __enter__(self) -> Deliveries:
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._left.set()
        self._thread.join()

    def deliver(self) -> int:
        """Try what is due; how many events that were."""
        due = self._outbox.take(self._clock(), _HOLD, _AT_ONCE)
        by_address: dict[tuple[str, str], list[Event]] = {}
        for event in due:
            by_address.setdefault((event.target, event.address), []).append(event)
        if by_address:
            with ThreadPoolExecutor(min(_THREADS, len(by_address)), "delivery") as pool:
                list(pool.map(self._in_turn, by_address.values()))
        return len(due)

    def _in_turn(self, events: Sequence[Event]) -> None:
        """Those of one address. Where one does not arrive, the others are not tried now."""
        why: str | None = None
        for event in events:
            if why is None:
                why = self._failure(event)
            outcome, next_try = DELIVERED, None
            if why is not None:
                wait = min(_FIRST_WAIT * 2 ** min(event.count, 20), LONGEST_WAIT)
                outcome, next_try = why, self._clock() + wait
                log.warning("The event %s of the job %s was not delivered: %s", event.id, event.job_id, why)
            self._outbox.tried(event, self._clock(), outcome, next_try)

    def _failure(self, event: Event) -> str | None:
        target = self._targets.get(event.target)
        if target is None:
            return f"This server knows no target {event.target}."
        try:
            target.deliver(event)
        except NotDelivered as error:
            return str(error)
        return None

    def _deliver_on(self) -> None:
        while not self._left.is_set():
            try:
                found = self.deliver()
            except RegardError as error:  # a full disk, a lock: it is tried again
                log.warning("Events could not be delivered, and will be tried again: %s", error.message)
                found = 0
            if found < _AT_ONCE:
                self._left.wait(_LOOK_SECONDS)
