"""An HTTP server with a toy application behind it, and raw sockets to knock at it."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread

from regard.edge.connections import CONNECTION_KEY, ConnectionLimits, Connections
from regard.edge.http_protocol import Patience
from regard.edge.http_server import HttpServer, Listening
from regard.telemetry import logs

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def toy(scope: Any, receive: Any, send: Any) -> None:
    """/ says hello, /echo the body, /vouch vouches for its connection, /early answers before the body is read,
    /large has 8 MiB, /slow takes half a second, /block seconds in a thread, as many as its query says."""
    path, body = scope["path"], b"hello"
    if path == "/vouch":
        scope[CONNECTION_KEY].vouch()
    elif path == "/echo":
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            if not message["more_body"]:
                break
    elif path == "/large":
        body = bytes(8 * 1024 * 1024)
    elif path == "/slow":
        await asyncio.sleep(0.5)
    elif path == "/block":
        await anyio.to_thread.run_sync(time.sleep, float(scope["query_string"]))
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 413 if path == "/early" else 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Door:
    """A running server."""

    port: int
    connections: Connections
    opened: ExitStack = field(default_factory=ExitStack)
    tls: bool = False

    def open(self) -> socket.socket:
        """A connection, closed with the server."""
        return self.opened.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=8))

    def ask(self, request: bytes = GET) -> bytes:
        """The answer to a request on a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=8) as client:
            client.sendall(request)
            return answer(client)

    def until(self, count: int, seconds: float = 5) -> None:
        """Wait until the server has `count` connections."""
        end = time.monotonic() + seconds
        while len(self.connections) != count:
            assert time.monotonic() < end, f"{len(self.connections)} connections, not {count}"
            time.sleep(0.01)


@contextmanager
def door(
    application: Any = toy, *, tls: ssl.SSLContext | None = None, most: int = 100, strangers: int = 100, **patience: Any
) -> Iterator[Door]:
    """A server of `application` on a free port of loopback; `patience` is in seconds, as in Patience."""
    connections = Connections(ConnectionLimits(most=most, most_strangers=strangers, vouched_seconds=30))
    ports: list[int] = []
    listening = Listening(host="127.0.0.1", port=0, tls=tls, patience=Patience(**patience), grace_seconds=1)
    server = HttpServer(application, listening, connections, announce=ports.append)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not ports:
        time.sleep(0.01)
    found = Door(ports[0], connections)
    try:
        yield found
    finally:
        found.opened.close()
        server.should_exit = True
        thread.join()


def answer(client: socket.socket) -> bytes:
    """One answer with a Content-Length, less any 100 before it, or what came before the connection was closed."""
    got = b""
    while True:
        got = got.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        head, end, body = got.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if end and (length is None or len(body) >= int(length[1])):
            return got
        more = client.recv(65536)
        if not more:
            return got
        got += more


def closed(client: socket.socket, seconds: float = 5) -> bool:
    """Whether the server closes the connection within so many seconds; what it sends before is thrown away."""
    client.settimeout(seconds)
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def process(grace_seconds: float = 10) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server of `toy` in a process of its own, and its port. It says "ending" when it begins to end."""
    command = [sys.executable, Path(__file__), str(grace_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            yield running, int(running.stdout.readline())
        finally:
            running.kill()


def _say(words: object) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _main() -> None:
    logs.begin("text")
    HttpServer(
        toy,
        Listening(host="127.0.0.1", port=0, grace_seconds=float(sys.argv[1])),
        Connections(ConnectionLimits(most=100, most_strangers=100, vouched_seconds=30)),
        announce=_say,
        ending=lambda: _say("ending"),
    ).run()


if __name__ == "__main__":
    _main()
