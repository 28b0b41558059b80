"""A store that answers as a test wants: late, cut off, with lies in its headers. Real HTTP on a loopback port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler, int], None]
"""Writes the answer to a request, which is the so-and-so-manieth, from 0."""


@dataclass
class Asked:
    """What has come in so far, and what the next request is answered."""

    write: Answer
    url: str = ""
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    connections: int = 0

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    """The same answer to every request; of the headers, `_` stands for `-`."""

    def write(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return write


def error(status: int, code: str, message: str = "No.") -> Answer:
    """As S3 says that something is wrong."""
    return answer(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())


@contextmanager
def crooked(write: Answer) -> Iterator[Asked]:
    asked = Asked(write)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            asked.connections += 1

        def handle(self) -> None:
            with suppress(ConnectionError):  # who asked has heard enough
                super().handle()

        def do_GET(self) -> None:
            asked.requests.append((self.path, dict(self.headers)))
            asked.write(self, len(asked.requests) - 1)

        def do_CONNECT(self) -> None:
            asked.requests.append((self.path, dict(self.headers)))
            self.send_error(502)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        asked.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()
