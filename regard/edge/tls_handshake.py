"""TLS begun under the same bounds as HTTP: a connection counts from the moment it is accepted."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from regard.edge.http_protocol import HttpProtocol

_SHUTDOWN_SECONDS = 5.0


class TlsHandshake(asyncio.Protocol):
    """Shakes hands within `seconds`, then gives the connection to `http`."""

    def __init__(self, http: HttpProtocol, context: ssl.SSLContext, seconds: float) -> None:
        self._http = http
        self._context = context
        self._seconds = seconds
        self._early = bytearray()
        self._lost = False
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        plain = cast(asyncio.Transport, transport)
        plain.pause_reading()
        self._http.enter(plain)
        self._task = asyncio.get_running_loop().create_task(self._shake(plain))

    def data_received(self, data: bytes) -> None:
        # A client may send its request together with the end of the handshake.
        self._early += data

    def connection_lost(self, _: Exception | None) -> None:
        self._lost = True

    async def _shake(self, plain: asyncio.Transport) -> None:
        secured = None
        try:
            if not plain.is_closing():
                secured = await asyncio.get_running_loop().start_tls(
                    plain,
                    self,
                    self._context,
                    server_side=True,
                    ssl_handshake_timeout=self._seconds,
                    ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
                )
        except OSError:  # it is no TLS, or it took too long
            plain.abort()
        if secured is None or self._lost:
            self._http.leave()
            return
        secured.set_protocol(self._http)
        self._http.connection_made(secured)
        if self._early:
            self._http.data_received(bytes(self._early))
