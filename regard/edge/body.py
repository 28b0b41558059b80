"""The body of one request, read within bounds of length and of time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from anyio import move_on_after

from regard.errors import RequestTimeout, RequestTooLarge

#: How long a client that is turned away, and asked to close the connection, may take to send the rest.
_DRAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """The longest body that is read, in bytes, and the seconds within which the whole of it must arrive."""

    most_bytes: int
    seconds: float


class Body:
    """A body that arrives in chunks from `stream`.

    `headers` are the request's, by lower-case name; `http_version` is "1.0", "1.1" or "2".
    """

    def __init__(
        self,
        stream: AsyncIterator[bytes],
        *,
        headers: Mapping[bytes, bytes],
        http_version: str,
        limits: BodyLimits,
    ) -> None:
        length = headers.get(b"content-length", b"")
        self._stream = stream
        self._closes = http_version == "1.0" or b"close" in headers.get(b"connection", b"").lower()
        self._limits = limits
        self.declared = int(length) if length.isdigit() else None
        """The bytes that the client says it sends; None if it does not say."""
        self.received = 0
        """The bytes that have been read so far."""

    async def read(self) -> bytes:
        """The whole body. Raises RequestTooLarge as soon as it is known to be longer than it may be, and RequestTimeout
        if it does not arrive: its request holds a place, and nobody can know yet whose request it is."""
        if (self.declared or 0) > self._limits.most_bytes:
            raise RequestTooLarge
        chunks = []
        with move_on_after(self._limits.seconds) as deadline:
            async for chunk in self._stream:
                self.received += len(chunk)
                if self.received > self._limits.most_bytes:
                    raise RequestTooLarge
                chunks.append(chunk)
        if deadline.cancelled_caught:
            raise RequestTimeout
        return b"".join(chunks)

    async def drain(self) -> None:
        """Let a client that asked to close the connection finish sending, within bounds, so that it reads the answer.

        A connection closed over unread bytes is reset. If it stays open, the HTTP server discards them by itself.
        """
        if not self._closes:
            return
        left = self._limits.most_bytes
        with move_on_after(_DRAIN_SECONDS):
            async for chunk in self._stream:
                left -= len(chunk)
                if left < 0:
                    return
