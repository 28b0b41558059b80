"""A client that costs next to nothing: one thread sends the bytes of signed requests, on any number of connections, so
that the processors are left to the server that is measured."""

from __future__ import annotations

import gc
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_READ_BYTES = 65_536
_END = b"\r\n\r\n"
#: The longest answer that one connection is asked for.
_LONGEST_BYTES = 8 * 1024 * 1024


class CallFailed(Exception):
    """An answer was not 200, or there was none; says what came."""


class Line:
    """One connection, for one request after another."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._room = bytearray(_LONGEST_BYTES)

    def ask(self, request: bytes) -> tuple[float, bytes]:
        """Seconds until the last byte of the answer is there, in which this process collects no garbage and looks at no
        more than the head; and the answer's body. Raises CallFailed."""
        room, received, length = memoryview(self._room), 0, 0
        gc.disable()
        try:
            began = time.perf_counter()
            self._connection.sendall(request)
            while not length or received < length:
                more = self._connection.recv_into(room[received:])
                if not more:
                    raise CallFailed("the server hung up")
                received += more
                length = length or _length(bytes(room[: min(received, _READ_BYTES)]))
            return time.perf_counter() - began, bytes(room[:received]).partition(_END)[2]
        finally:
            gc.enable()


@contextmanager
def line(port: int) -> Iterator[Line]:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Line(connection)


def replay(port: int, requests: Sequence[bytes], seconds: float) -> tuple[list[float], float]:
    """Send each of `requests` on a connection of its own, again whenever it is answered. Returns the seconds that each
    answer took, and those from the first request to the last answer. Raises CallFailed."""
    with selectors.DefaultSelector() as waiting:
        sockets = [socket.create_connection(("127.0.0.1", port)) for _ in requests]
        try:
            for each, request in zip(sockets, requests, strict=True):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                waiting.register(each, selectors.EVENT_READ, request)
            return _replayed(waiting, sockets, requests, seconds)
        finally:
            for each in sockets:
                each.close()


def _replayed(
    waiting: selectors.BaseSelector, sockets: Sequence[socket.socket], requests: Sequence[bytes], seconds: float
) -> tuple[list[float], float]:
    taken: list[float] = []
    began = time.perf_counter()
    sent = {}
    for each, request in zip(sockets, requests, strict=True):
        sent[each.fileno()] = time.perf_counter()
        each.sendall(request)
    received = dict.fromkeys(sent, b"")
    while sent:
        for key, _ in waiting.select():
            received[key.fd] += _more(key.fileobj)
            if not _whole(received[key.fd]):
                continue
            now = time.perf_counter()
            taken.append(now - sent.pop(key.fd))
            received[key.fd] = b""
            if now < began + seconds:
                sent[key.fd] = now
                key.fileobj.sendall(key.data)  # type: ignore[union-attr]
    return taken, time.perf_counter() - began


def _more(stream: object) -> bytes:
    assert isinstance(stream, socket.socket)
    more = stream.recv(_READ_BYTES)
    if not more:
        raise CallFailed("the server hung up")
    return more


def _whole(received: bytes) -> bool:
    """Whether it is an answer to its last byte. Raises CallFailed for another answer than 200."""
    length = _length(received)
    return 0 < length <= len(received)


def _length(received: bytes) -> int:
    """How long the answer is that begins so, head and body; 0 while that is not known. Raises CallFailed for another
    answer than 200."""
    head, end, _ = received.partition(_END)
    if not end:
        return 0
    if not head.startswith(b"HTTP/1.1 200 "):
        raise CallFailed(received.decode("utf-8", "replace"))
    fields = dict(each.lower().split(b":", 1) for each in head.split(b"\r\n")[1:])
    return len(head) + len(end) + int(fields[b"content-length"])
