"""The body of one request, read within bounds of length and of time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from anyio import CancelScope, current_time

from regard.edge.arrivals import Arrival
from regard.errors import RequestTimeout, RequestTooLarge

#: The longest body that any door reads.
LONGEST_BODY_BYTES = 16 * 1024 * 1024
#: How long a body may take to begin to move, in seconds, and the bytes a second that it must keep up from then on. The
#: slowest mobile networks carry as much (EDGE: 10 kB/s).
_PATIENCE_SECONDS = 10.0
_LEAST_RATE = 8 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """The longest body that is read, in bytes, and the seconds within which the whole of it must arrive.

    A body that does not move is let go after `patience` seconds, and one that moves at less than `rate` bytes a second
    not much later.
    """

    most_bytes: int
    seconds: float
    patience: float = _PATIENCE_SECONDS
    rate: float = _LEAST_RATE


class Body:
    """A body that arrives in chunks from `stream`; `headers` are the request's, by lower-case name."""

    def __init__(self, stream: AsyncIterator[bytes], *, headers: Mapping[bytes, bytes]) -> None:
        length = headers.get(b"content-length", b"")
        self._stream = stream
        self.declared = int(length) if length.isdigit() else None
        """The bytes that the client says it sends; None if it does not say."""
        self.received = 0
        """The bytes that have been read so far."""

    def check(self, limits: BodyLimits) -> None:
        """Raises RequestTooLarge if it says itself that it is longer than it may be."""
        if (self.declared or 0) > limits.most_bytes:
            raise RequestTooLarge

    async def read(self, arrival: Arrival, limits: BodyLimits) -> bytes:
        """The whole body; `arrival` counts what comes of it.

        Raises RequestTooLarge as soon as it is known to be longer than it may be, RequestTimeout if it does not arrive,
        and as `Arrival.given_up`.
        """
        self.check(limits)
        began = current_time()
        chunks = []
        with arrival.given_up(), CancelScope(deadline=self._deadline(began, limits)) as moving:
            async for chunk in self._stream:
                self.received += len(chunk)
                if self.received > limits.most_bytes:
                    raise RequestTooLarge
                chunks.append(chunk)
                arrival.grow(len(chunk))
                moving.deadline = self._deadline(began, limits)
        if moving.cancelled_caught:
            raise RequestTimeout
        return b"".join(chunks)

    def _deadline(self, began: float, limits: BodyLimits) -> float:
        """When to give up, if nothing more comes until then."""
        return began + min(limits.seconds, limits.patience + self.received / limits.rate)
