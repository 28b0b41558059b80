"""HTTP/1.x read strictly: what two servers could read in two ways is refused, so that nothing can be smuggled in it."""

from __future__ import annotations

import re

import h11

#: The longest head that is read, in bytes, and the longest line of a chunked body.
MOST_HEAD_BYTES = 16 * 1024
#: Each line of a head costs the event loop 3 µs; no client of AWS's sends thirty.
_MOST_HEAD_LINES = 128
#: A body in chunks may begin with so many of any size; from then on they hold so many bytes each, on average: a chunk
#: costs the event loop 20 µs, and 256 KiB of them arrive at once.
_FREE_CHUNKS, _LEAST_CHUNK_BYTES = 1024, 1024
_END = re.compile(rb"\n\r?\n")


class StrictConnection(h11.Connection):
    """A server's connection that raises RemoteProtocolError for more than h11 does; `fault` keeps it."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MOST_HEAD_BYTES)
        self.fault: h11.RemoteProtocolError | None = None
        self._chunked = False
        self._chunks = self._chunk_bytes = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            if self.their_state is h11.IDLE:
                _check_head(self.unread)
            before, length = self._beginning(), len(self._receive_buffer)
            event = super().next_event()
            if isinstance(event, h11.Request):
                self._chunks = self._chunk_bytes = 0
                self._chunked = _check_request(event)
            elif isinstance(event, h11.Data) and self._chunked:
                self._check_chunk(event)
            elif isinstance(event, h11.EndOfMessage) and self._chunked:
                _check_lines(before[: length - len(self._receive_buffer)])
        except h11.RemoteProtocolError as error:
            self.fault = error
            raise
        return event

    @property
    def unread(self) -> bytes:
        """What has arrived and is not part of any event yet."""
        return self.trailing_data[0]

    @property
    def chunked(self) -> bool:
        """Whether the body of the request comes in chunks."""
        return self._chunked

    def _beginning(self) -> bytes:
        """Of a body in chunks, what is read next: its end, with the lines after it, is no longer than a head. To copy
        all that has arrived, for each of its chunks, would take long."""
        return bytes(self._receive_buffer._data[:MOST_HEAD_BYTES]) if self._chunked else b""

    def _check_chunk(self, data: h11.Data) -> None:
        self._chunks += data.chunk_start
        self._chunk_bytes += len(data.data)
        # The one that has just begun may be there in part.
        if self._chunks > _FREE_CHUNKS and self._chunk_bytes < (self._chunks - 1) * _LEAST_CHUNK_BYTES:
            raise h11.RemoteProtocolError("The chunks of the body are too small.")


def _check_head(unread: bytes) -> None:
    """Raises RemoteProtocolError for a whole head whose lines h11 would read leniently."""
    end = _END.search(unread)
    if end is None:
        return
    head = unread[: end.end()]
    if len(head) > MOST_HEAD_BYTES:
        raise h11.RemoteProtocolError("The head is too long.", error_status_hint=431)
    if head.count(b"\n") > _MOST_HEAD_LINES:
        raise h11.RemoteProtocolError("The head has too many lines.", error_status_hint=431)
    _check_lines(head)


def _check_lines(text: bytes) -> None:
    """Raises RemoteProtocolError unless every line ends with CR and LF and none goes on in the next."""
    lines = text.split(b"\r\n")
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise h11.RemoteProtocolError("A line does not end with CR and LF.")
    if any(line[:1] in (b" ", b"\t") for line in lines):
        raise h11.RemoteProtocolError("A line begins with a space.")


def _check_request(request: h11.Request) -> bool:
    """Whether the body comes in chunks.

    Raises RemoteProtocolError for what RFC 9112 lets a server refuse, and for HTTP's other versions.
    """
    if not request.http_version.startswith(b"1."):
        raise h11.RemoteProtocolError("This server speaks HTTP/1.1 only.", error_status_hint=505)
    names = {name for name, _ in request.headers}
    if b"transfer-encoding" in names and b"content-length" in names:
        raise h11.RemoteProtocolError("A request has Transfer-Encoding or Content-Length, not both.")
    if b"transfer-encoding" in names and request.http_version < b"1.1":
        raise h11.RemoteProtocolError("HTTP/1.0 has no Transfer-Encoding.")
    return b"transfer-encoding" in names
