"""Where a stream was left off, under a name that tells nothing: the position itself would count the acts of all."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from threading import Lock

_MOST = 20_000


class StreamPlaces:
    """Remembers the last names that it gave. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._positions: OrderedDict[str, int] = OrderedDict()

    def name(self, position: int) -> str:
        """A new name for it."""
        made = secrets.token_urlsafe(9)
        with self._lock:
            self._positions[made] = position
            if len(self._positions) > _MOST:
                self._positions.popitem(last=False)
        return made

    def position(self, name: str | None) -> int | None:
        """What was named so: 0, which is before everything, for a name not known any more; None for no name."""
        with self._lock:
            return None if name is None else self._positions.get(name, 0)
