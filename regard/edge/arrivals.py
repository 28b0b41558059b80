"""Bodies on their way: of requests whose sender is not known yet, for a signature is over the whole of a body.

They hold no place in the queue, and their bytes are counted apart from those of requests that are known. When there are
too many bytes, the body that is latest gives way: by the seconds since it last moved, or those that it has taken beyond
what a fair rate takes. That is next to nothing for whoever sends a large picture steadily, and much for whoever sends
most of one and stops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from anyio import CancelScope

from regard.errors import RegardError, ServiceUnavailable, Throttling

#: Bytes a second, of a mobile phone's slow upload (0.8 Mbit/s).
_FAIR_RATE = 100_000


def _crowded() -> Throttling:
    return Throttling("Slow down; more is being sent to this server than it can hold.")


class Arrival:
    """One body on its way."""

    def __init__(self, arrivals: Arrivals, now: float) -> None:
        self._arrivals = arrivals
        self._scope = CancelScope()
        self._why: Callable[[], RegardError] | None = None
        self._began = self._moved = now
        self.held = 0
        """The bytes that have come."""
        self.whole = False
        """Whether all of it is here: it is counted, and can no longer give way."""

    @contextmanager
    def given_up(self) -> Iterator[None]:
        """Around reading it. Raises Throttling once it has to give way, ServiceUnavailable if the server ends."""
        with self._scope:
            yield
        self._check()
        self.whole = True

    def grow(self, size: int) -> None:
        """Count `size` bytes more; whoever is latest gives way for them. Raises as `given_up`, which alone would
        let a body go on for as long as it never has to be waited for."""
        self._moved = self._arrivals.clock()
        self.held += size
        self._arrivals.make_room()
        self._check()

    def lateness(self, now: float) -> float:
        """The seconds since the last of its bytes came, or beyond those of a fair rate if that is more."""
        return max(now - self._moved, now - self._began - self.held / _FAIR_RATE)

    def give_up(self, why: Callable[[], RegardError]) -> None:
        """End the reading of it; what has come of it counts no longer."""
        self._why = why
        self._arrivals.forget(self)
        self._scope.cancel()

    def _check(self) -> None:
        if self._why is not None:
            raise self._why()  # made here, as an error that is kept would keep its frames, and with them the body


class Arrivals:
    """Bodies on their way, of at most `most_bytes` together. For one event loop; any number of HTTP doors may share
    one."""

    def __init__(self, most_bytes: float = math.inf, clock: Callable[[], float] = monotonic) -> None:
        self._most_bytes = most_bytes
        self._on_their_way: set[Arrival] = set()
        self._ending = False
        self.clock = clock

    @contextmanager
    def arrive(self) -> Iterator[Arrival]:
        """Around one body, from its head until its sender is known. Raises ServiceUnavailable once the server ends."""
        if self._ending:
            raise ServiceUnavailable
        arrival = Arrival(self, self.clock())
        self._on_their_way.add(arrival)
        try:
            yield arrival
        finally:
            self.forget(arrival)

    def forget(self, arrival: Arrival) -> None:
        """Count it no longer."""
        self._on_their_way.discard(arrival)

    @property
    def held(self) -> int:
        """The bytes of all of them."""
        return sum(arrival.held for arrival in self._on_their_way)

    def make_room(self) -> None:
        """Have the latest give way until what is left fits."""
        now = self.clock()
        while self.held > self._most_bytes:
            moving = [arrival for arrival in self._on_their_way if not arrival.whole]
            max(moving, key=lambda arrival: (arrival.lateness(now), arrival.held)).give_up(_crowded)

    def end(self) -> None:
        """Give up all that is still on its way, and what comes from now on."""
        self._ending = True
        for arrival in list(self._on_their_way):
            if not arrival.whole:
                arrival.give_up(ServiceUnavailable)
