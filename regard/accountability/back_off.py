"""Whoever guesses waits, longer each time: what holds a guesser up, login by login."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from regard.errors import Throttling

#: Failures in a row that cost nothing: a slip of the finger, and Caps Lock.
_FREE_FAILURES = 4
_LONGEST_SECONDS = 60.0
#: After so long without a failure all is forgotten.
_FORGOTTEN_SECONDS = 3600.0
_MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Failures:
    count: int
    last: float


class BackOff:
    """Counts failures by name, whether there is such a name or not. Safe to share between threads; a process's own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[bytes, _Failures] = OrderedDict()
        self._lock = Lock()

    def begin(self, name: str) -> None:
        """Count an attempt as a failure until `succeed` says otherwise, so that many at once are not one.

        Raises Throttling while the name has to wait.
        """
        key, now = _key(name), self._clock()
        with self._lock:
            known = self._failures.get(key)
            if known is None or now - known.last >= _FORGOTTEN_SECONDS:
                known = self._failures[key] = _Failures(0, now)
            left = known.last + _wait(known.count) - now
            if left > 0:
                raise Throttling(f"Too many attempts failed. Wait {max(1, round(left))} seconds before the next one.")
            known.count, known.last = known.count + 1, now
            self._failures.move_to_end(key)
            if len(self._failures) > _MOST_REMEMBERED:
                self._failures.popitem(last=False)

    def succeed(self, name: str) -> None:
        with self._lock:
            self._failures.pop(_key(name), None)


def _wait(failures: int) -> float:
    """Seconds after so many failures: 0 at first, then 1, 2, 4 … 60."""
    return min(_LONGEST_SECONDS, 2.0 ** (failures - _FREE_FAILURES - 1)) if failures > _FREE_FAILURES else 0.0


def _key(name: str) -> bytes:
    """As long as any other, whatever is sent for a login."""
    return hashlib.sha256(name.encode("utf-8", "replace")).digest()
