"""uvicorn's HTTP/1.1 with what it lacks on an open network: deadlines, bounds, strict framing, a good end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import h11
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import H11Protocol

from regard.edge.connections import CONNECTION_KEY, Connection, Connections
from regard.edge.http_framing import StrictConnection
from regard.edge.polite_transport import PoliteTransport

_ENDING_REST_SECONDS = 1.0
_CUT_MESSAGE = "The server is stopping. Send the request again in a moment."


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The seconds that a client has: for a whole `head`, and as long for a TLS handshake; for the next request on an
    `idle` connection; to send the `rest` of a body that is not needed; and to take an answer, without a `write` stall.
    """

    head: float = 10.0
    idle: float = 75.0
    rest: float = 10.0
    write: float = 30.0


class HttpProtocol(H11Protocol):
    """One connection. The application finds it in its scope as `regard.connection`."""

    transport: PoliteTransport
    conn: StrictConnection

    def __init__(self, connections: Connections, patience: Patience, **given: Any) -> None:
        super().__init__(**given)
        self.conn = StrictConnection()
        self._patience = patience
        self._register = connections
        self._connection: Connection | None = None
        self._plain: asyncio.Transport | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._refused = False

    def enter(self, transport: asyncio.Transport) -> None:
        """Take a place in the register, for a connection whose TLS is still to come or for one that has none."""
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else ""
        self._plain = transport
        self._connection = self._register.enter(address, transport.abort)

    def leave(self) -> None:
        """Give the place back."""
        if self._connection:
            self._register.leave(self._connection)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if self._connection is None:
            self.enter(transport)
        polite = PoliteTransport(
            transport,
            self._sending,
            plain=self._plain or transport,
            rest_seconds=self._patience.rest,
            write_seconds=self._patience.write,
        )
        super().connection_made(polite)
        self._head_timer = self.loop.call_later(self._patience.head, self._end_head)

    def connection_lost(self, exc: Exception | None) -> None:
        self.leave()
        self._cancel_head_timer()
        self.transport.lost()
        super().connection_lost(exc)

    def eof_received(self) -> None:
        self.transport.finish()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            self.transport.take_rest(len(data))
            return
        if self._answered() and self.conn.their_state is h11.SEND_BODY:
            self.transport.take_rest(len(data))
            if self.conn.chunked:  # to find its end would take longer than a new connection
                self.transport.close()
                return
        elif self._connection and self.conn.their_state is h11.SEND_BODY:
            self._connection.move()
        super().data_received(data)

    def handle_events(self) -> None:
        super().handle_events()
        if self.scope is not None:
            cast(dict[str, Any], self.scope)[CONNECTION_KEY] = self._connection
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        fault = self.conn.fault
        self._refuse(fault.error_status_hint if fault else 400, str(fault or msg))

    def shutdown(self) -> None:
        """The server ends: close, or do so after the answer on its way. It may be called again and again."""
        self.transport.hurry(_ENDING_REST_SECONDS)
        if self._answered():
            self.transport.close()
        elif self.cycle.keep_alive:
            self.cycle.keep_alive = False
            if not self.cycle.response_started:
                self.cycle.default_headers = [*self.cycle.default_headers, CLOSE_HEADER]

    def cut(self) -> bool:
        """Let go of a request that is not answered in time; whether there was one."""
        if self._answered():
            self.transport.abort()
            return False
        self._refuse(503, _CUT_MESSAGE)
        self.transport.finish()
        return True

    def _answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _sending(self) -> bool:
        return self._refused or self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    def _look(self) -> None:
        """Note what is waited for now, after anything that may have changed it."""
        if self.transport.is_closing():
            self._cancel_head_timer()
            return
        answered = self._answered()
        if self._connection:
            self._connection.wait(answered or self.cycle.more_body)
            self._connection.moving = self._connection.moving and not answered
        if answered and self.conn.their_state is h11.SEND_BODY:
            self.transport.expect_rest()
        else:
            self.transport.end_rest()
        self._look_for_head(answered)

    def _look_for_head(self, answered: bool) -> None:
        if not answered or self.conn.their_state is not h11.IDLE:
            self._cancel_head_timer()
        elif self.conn.unread:
            self._head_timer = self._head_timer or self.loop.call_later(self._patience.head, self._end_head)
        elif self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self._patience.idle, self.timeout_keep_alive_handler)

    def _end_head(self) -> None:
        if self.conn.unread:
            self._refuse(408, "The head of the request did not arrive in time.")
        else:
            self.transport.finish()

    def _cancel_head_timer(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: int, message: str) -> None:
        """Answer in plain text, whatever state the exchange is in, and close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_plain(status, message))
        self._refused = True
        self.conn.send_failed()  # h11 knows nothing of this answer; it is to say no more
        if not self._answered():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


def _plain(status: int, message: str) -> bytes:
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(message.encode())}",
        "Connection: close",
        *(["Retry-After: 1"] if status == HTTPStatus.SERVICE_UNAVAILABLE else []),
    ]
    return "\r\n".join([*head, "", message]).encode()
