"""A transport that closes so that the client can read the last answer, and that nothing keeps open for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

#: What a client may still send once it has its answer: as much as the longest body.
_MOST_REST_BYTES = 16 * 1024 * 1024
#: A client must take what it is sent at least as fast as this, on average over the seconds for it.
_LEAST_BYTES_PER_SECOND = 1024


class PoliteTransport(asyncio.Transport):
    """Around the `transport` of a connection whose client is still sending while `sending()`; `plain` is the one below
    TLS, or the same.

    Closed over unread bytes a connection is reset, and its client may lose the answer. So it is closed in two steps:
    no more is written, and what still comes is thrown away, up to 16 MiB and for `rest_seconds`. A client that does not
    read what it is sent has the connection aborted after `write_seconds`.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        sending: Callable[[], bool],
        *,
        plain: asyncio.Transport,
        rest_seconds: float,
        write_seconds: float,
    ) -> None:
        super().__init__()
        self._transport = transport
        self._plain = plain
        self._sending = sending
        self._loop = asyncio.get_running_loop()
        self._rest_seconds = rest_seconds
        self._write_seconds = write_seconds
        self._rest_bytes = _MOST_REST_BYTES
        self._rest_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._written = 0
        self._closing = self._finished = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._transport.write(data)
        self._written += len(data)
        self._watch_writing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether nothing more is to be written; the client may still be sending."""
        return self._closing or self._transport.is_closing()

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        if not self._sending():
            self.finish()
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()
        self.expect_rest()

    def abort(self) -> None:
        self._closing = self._finished = True
        self._transport.abort()

    def expect_rest(self) -> None:
        """From now on what the client sends is not needed: bound it."""
        if self._rest_timer is None:
            self._rest_timer = self._loop.call_later(self._rest_seconds, self.finish)

    def take_rest(self, count: int) -> None:
        """Note `count` bytes that were not needed."""
        self._rest_bytes -= count
        if self._rest_bytes < 0:
            self.finish()

    def hurry(self, rest_seconds: float) -> None:
        """Have less patience with what is not needed, from now on."""
        if rest_seconds < self._rest_seconds:
            self._rest_seconds = rest_seconds
            if self._rest_timer:
                self._rest_timer.cancel()
                self._rest_timer = self._loop.call_later(rest_seconds, self.finish)

    def end_rest(self) -> None:
        """The client has sent all that it had to send."""
        if self._rest_timer and not self._closing:
            self._rest_timer.cancel()
            self._rest_timer = None
            self._rest_bytes = _MOST_REST_BYTES

    def finish(self) -> None:
        """Close as soon as what was written has been sent, whatever the client is still sending."""
        self._closing = True
        if not self._finished:
            self._finished = True
            self._transport.close()
            self._watch_writing()

    def lost(self) -> None:
        """The connection is no more."""
        self._closing = self._finished = True
        for timer in (self._rest_timer, self._write_timer):
            if timer:
                timer.cancel()

    def _watch_writing(self) -> None:
        """Look again in a while whether the client takes what is written, or has closed its side."""
        left = self._left()
        if self._write_timer is None and (left or self._finished):
            due = min(left, _LEAST_BYTES_PER_SECOND * self._write_seconds)
            self._write_timer = self._loop.call_later(self._write_seconds, self._check_writing, self._taken() + due)

    def _check_writing(self, due: float) -> None:
        self._write_timer = None
        if self._taken() < due or (self._finished and not self._left()):
            self.abort()
        else:
            self._watch_writing()

    def _left(self) -> int:
        """The bytes that are still in this process; under TLS they wait in the connection below."""
        return sum(transport.get_write_buffer_size() for transport in {self._transport, self._plain})

    def _taken(self) -> int:
        return self._written - self._left()
