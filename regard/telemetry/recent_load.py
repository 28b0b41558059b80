"""The load of the last hour, in slots of a few seconds: what the page of a server's health draws."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from regard.domain.health import LoadSlot
from regard.domain.reporting import RequestRecord
from regard.telemetry.instruments import Instrument

SLOT_SECONDS = 5
#: An hour.
_KEPT = 720
_FAULT_STATUS = 500
#: The codes of what was refused since there was no room for it.
_REFUSED = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException"})


@dataclass(slots=True)
class _OpenSlot:
    """What has happened since `number` slots after 1970."""

    number: int
    waiting: int
    failed: int = 0
    refused: int = 0
    seconds: list[float] = field(default_factory=list)

    def closed(self) -> LoadSlot:
        times = sorted(self.seconds)
        return LoadSlot(
            at=self.number * SLOT_SECONDS,
            answered=len(times),
            failed=self.failed,
            refused=self.refused,
            p50=_quantile(times, 0.5),
            p95=_quantile(times, 0.95),
            p99=_quantile(times, 0.99),
            waiting=self.waiting,
        )


class RecentLoad(Instrument):
    """Keeps times only until their slot ends, and of each slot eight numbers. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._waiting = 0
        self._open = _OpenSlot(self._number(), 0)
        self._closed: deque[LoadSlot] = deque(maxlen=_KEPT)

    def waiting(self, requests: int) -> None:
        with self._lock:
            self._waiting = requests
            slot = self._now()
            slot.waiting = max(slot.waiting, requests)

    def answered(self, record: RequestRecord) -> None:
        with self._lock:
            slot = self._now()
            slot.seconds.append(record.seconds)
            refused = record.code in _REFUSED
            slot.refused += refused
            slot.failed += not refused and record.status >= _FAULT_STATUS

    def slots(self, after: int = 0) -> Sequence[LoadSlot]:
        """Those that have ended and began later than `after` (POSIX seconds), the oldest first."""
        with self._lock:
            self._now()
            return [each for each in self._closed if each.at > after]

    def _now(self) -> _OpenSlot:
        """The slot of this moment. Those in between, when nothing happened, are kept too; a clock that was set back
        goes on with the slot it had."""
        number = self._number()
        if number > self._open.number:
            self._closed.append(self._open.closed())
            for idle in range(max(self._open.number + 1, number - _KEPT), number):
                self._closed.append(_OpenSlot(idle, self._waiting).closed())
            self._open = _OpenSlot(number, self._waiting)
        return self._open

    def _number(self) -> int:
        return int(self._clock() // SLOT_SECONDS)


def _quantile(rising: Sequence[float], share: float) -> float | None:
    """The least of the values that so many are at most; None of none."""
    if not rising:
        return None
    return rising[max(0, math.ceil(share * len(rising)) - 1)]
