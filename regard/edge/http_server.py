"""The server of all HTTP doors: it listens, announces where, and ends by itself in good time."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import uvicorn

from regard.edge.connections import Connections
from regard.edge.http_protocol import HttpProtocol, Patience
from regard.edge.tls_handshake import TlsHandshake

log = logging.getLogger(__name__)

#: Connections accepted in one turn of the event loop. asyncio accepts as many before the first is even counted.
_ACCEPT_BURST = 16
#: Connections that the kernel holds until they are accepted.
_BACKLOG = 1024
#: What the kernel buffers of an answer: the more, the later one sees whether the client takes it.
_SEND_BUFFER_BYTES = 128 * 1024
#: The codes of accept(2) that mean: nothing is left for another connection.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_IGNORED = (signal.SIGUSR1, signal.SIGUSR2)
_POLL_SECONDS = 0.05
_FLUSH_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a server listens, with which TLS, and how patient it is.

    Once it is told to end, what runs has `grace_seconds` to be answered.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    patience: Patience = field(default_factory=Patience)
    grace_seconds: float = 20.0


class HttpServer(uvicorn.Server):
    """Serves `application`, an ASGI application, until SIGTERM, SIGINT or SIGHUP.

    `announce` is told the port once the server listens; `ending` is called once, when it begins to end.
    """

    def __init__(
        self,
        application: Any,
        listening: Listening,
        connections: Connections,
        *,
        announce: Callable[[int], None] = lambda _: None,
        ending: Callable[[], None] = lambda: None,
    ) -> None:
        config = uvicorn.Config(
            application,
            host=listening.host,
            port=listening.port,
            http=self._protocol,  # type: ignore[arg-type]  # uvicorn calls it as it would a class
            loop="asyncio",
            ws="none",
            lifespan="off",
            interface="asgi3",
            proxy_headers=False,
            access_log=False,
            log_config=None,
            log_level="warning",
            backlog=_ACCEPT_BURST,
            timeout_keep_alive=listening.patience.idle,  # type: ignore[arg-type]  # it goes to loop.call_later
        )
        super().__init__(config)
        self._listening = listening
        self._connections = connections
        self._announce = announce
        self._ending = ending
        self.ended_by: signal.Signals | None = None
        """The signal that ended the server."""
        self.again = False
        """Whether it ended to begin once more."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._note_fault)
        await super().startup(sockets)
        if not self.started:
            return
        listeners = [listener for server in self.servers for listener in server.sockets]
        for listener in listeners:
            with socket.fromfd(listener.fileno(), listener.family, listener.type) as same:
                same.listen(_BACKLOG)
                same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self._announce(listeners[0].getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's
        """Take nothing new, let what runs be answered, and let go of what is not in time."""
        for server in self.servers:
            server.close()
        self._ending()
        if await self._finished(self._listening.grace_seconds):
            return
        cut = sum(protocol.cut() for protocol in self._protocols())
        if cut:
            log.warning("Requests not answered before the server ended: %d. Their clients can send them again", cut)
        self.force_exit = False
        if not await self._finished(_FLUSH_SECONDS) and self.server_state.tasks:
            self._exit()

    def begin_again(self) -> None:
        """End as at a signal, to be served once more: `again` says so. May be called from any thread."""
        self.again = self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's
        """A first signal ends the server, also one that is about to begin again; a second ends it at once, unless it is
        a SIGHUP: a closing terminal may send two."""
        if self.should_exit and not (self.again and self.ended_by is None):
            self.force_exit = self.force_exit or sig != signal.SIGHUP
            return
        self.ended_by = signal.Signals(sig)
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():  # only there are signals heard
            yield
            return
        under_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        handlers = {each: self.handle_exit for each in _ENDS if not (under_nohup and each is signal.SIGHUP)}
        before = {each: signal.signal(each, handler) for each, handler in handlers.items()}
        before |= {each: signal.signal(each, signal.SIG_IGN) for each in _IGNORED}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _protocol(self, **given: Any) -> asyncio.Protocol:
        patience = self._listening.patience
        protocol = HttpProtocol(self._connections, patience, **given)
        tls = self._listening.tls
        return TlsHandshake(protocol, tls, patience.head) if tls else protocol

    def _protocols(self) -> list[HttpProtocol]:
        return [each for each in self.server_state.connections if isinstance(each, HttpProtocol)]

    async def _finished(self, seconds: float) -> bool:
        """Wait until every request is answered and every answer sent; False if that takes too long."""
        until = time.monotonic() + seconds
        while self.server_state.tasks or self.server_state.connections:
            if self.force_exit or time.monotonic() > until:
                return False
            for protocol in self._protocols():  # some may have been accepted only just now
                protocol.shutdown()
            await asyncio.sleep(_POLL_SECONDS)
        return True

    def _note_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        fault = context.get("exception")
        if not isinstance(fault, OSError) or fault.errno not in _EXHAUSTED:
            loop.default_exception_handler(context)
            return
        # This comes for each of the burst; a second later asyncio accepts again, by itself.
        log.error("No connection can be accepted: %s. Strangers' connections are closed to make room", fault.strerror)
        self._connections.shed()

    def _exit(self) -> None:
        """End the process although threads are still at work: nothing can interrupt them, and Python waits for them.

        What was acknowledged is on disk; what was not is as after a crash.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(128 + signal.SIGINT if self.ended_by == signal.SIGINT else 0)
