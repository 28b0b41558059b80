"""What two servers could read in two ways is refused in plain words, and the connection is closed."""

from __future__ import annotations

from collections.abc import Iterator

import h11
import pytest
from toy_door import GET, Door, answer, closed, door

from regard.edge.http_framing import StrictConnection

POST = b"POST /echo HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def toy_door() -> Iterator[Door]:
    with door() as running:
        yield running


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
        (505, b"GET / HTTP/3.0\r\nHost: x\r\n\r\n"),
        (505, b"GET / HTTP/0.9\r\n\r\n"),
        (400, b"GET /\r\n\r\n"),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS client"),
        (400, b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
        (400, b"\x00\x01\x02"),
        (400, b"GET / HTTP/1.1\r\n\r\n"),  # no Host
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n Host: x\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tfolded\r\n\r\n"),
        (400, b"GET / HTTP/1.1\nHost: x\n\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00\r\n\r\n"),
        (431, b"GET /" + b"a" * 40_000),
        (431, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 20_000 + b"\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 4000 + b"\r\n"),
        (400, POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        (400, POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        (400, POST + b"Content-Length: 5, 6\r\n\r\nhello"),
        (400, POST + b"Content-Length: -5\r\n\r\nhello"),
        (400, POST + b"Content-Length: +5\r\n\r\nhello"),
        (400, POST + b"Content-Length: 0x5\r\n\r\nhello"),
        (400, POST + b"Content-Length: " + b"9" * 60 + b"\r\n\r\nhello"),
        (501, POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        (501, POST + b"Transfer-Encoding: identity\r\n\r\n"),
        (501, POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, b"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, CHUNKED + b"x\r\n"),
        (400, CHUNKED + b"-1\r\n\r\n"),
        (400, CHUNKED + b"5\r\nhello!\r\n"),
        (400, CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
        (400, CHUNKED + b"f" * 30 + b"\r\n"),
        (400, CHUNKED + b"1\r\na\r\n0\r\n\n"),
        (400, CHUNKED + b"0\r\n\n"),
        (400, CHUNKED + b"1\r\na\r\n0\r\nA: b\nC: d\r\n\r\n"),
        (400, CHUNKED + b"1\r\na\r\n0\r\nA: b\r\n folded\r\n\r\n"),
        (400, CHUNKED + b"1\r\na\r\n0;\rA: b\r\n\r\n"),
        (400, CHUNKED + b"1\r\na\r\n" * 5000 + b"0\r\n\r\n"),
    ],
)
def test_what_is_not_plain_http_is_refused_and_closed(toy_door: Door, status: int, request_bytes: bytes) -> None:
    client = toy_door.open()
    client.sendall(request_bytes)
    got = answer(client)
    head, _, said = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), got
    assert b"Connection: close" in head
    assert b"Content-Type: text/plain" in head
    assert len(said) > 15
    client.settimeout(1)
    assert client.recv(100) == b"", "no second answer, and no more than the half-close"


@pytest.mark.parametrize(
    "request_bytes",
    [
        GET,
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
        POST + b"Content-Length: 5\r\n\r\nhello",
        POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        CHUNKED + b"2\r\nhe\r\n3;name=value\r\nllo\r\n0\r\n\r\n",
        CHUNKED + b"1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\nTrailer: x\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTRANSFER-ENCODING: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_plain_http_is_answered(toy_door: Door, request_bytes: bytes) -> None:
    got = toy_door.ask(request_bytes)
    assert got.startswith(b"HTTP/1.1 200 OK"), got
    assert got.endswith(b"hello"), got


def test_a_body_in_many_chunks_of_a_usual_size_is_read(toy_door: Door) -> None:
    chunk = b"400\r\n" + b"a" * 1024 + b"\r\n"
    got = toy_door.ask(CHUNKED + chunk * 3000 + b"0\r\n\r\n")
    assert len(got.partition(b"\r\n\r\n")[2]) == 3000 * 1024


def test_requests_sent_together_are_answered_in_turn_until_one_is_wrong(toy_door: Door) -> None:
    client = toy_door.open()
    client.sendall(GET + CHUNKED + b"5\r\nhallo\r\n0\r\n\r\n" + b"GET / HTTP/1.1\nHost: x\n\n" + GET)
    got = b""
    while more := client.recv(65536):
        got += more
    assert [got.count(b"HTTP/1.1 200 OK"), got.count(b"HTTP/1.1 400 Bad Request")] == [2, 1]
    assert b"hallo" in got


def test_a_head_that_comes_byte_by_byte_is_judged_like_one_that_comes_whole(toy_door: Door) -> None:
    for request_bytes, status in ((GET, b"200"), (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\n\r\n", b"400")):
        client = toy_door.open()
        for byte in request_bytes:
            client.sendall(bytes([byte]))
        assert answer(client).startswith(b"HTTP/1.1 " + status)
        assert closed(client, 0.2) == (status == b"400")


def test_a_head_of_many_short_lines_is_refused() -> None:
    connection = StrictConnection()
    connection.receive_data(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:b\r\n" * 200 + b"\r\n")
    with pytest.raises(h11.RemoteProtocolError, match="too many lines") as caught:
        connection.next_event()
    assert caught.value.error_status_hint == 431


def test_a_body_in_small_chunks_is_not_copied_again_for_each_of_them() -> None:
    connection = StrictConnection()
    connection.receive_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.next_event()
    connection.receive_data((b"12c\r\n" + b"A" * 300 + b"\r\n") * 4000)
    longest = 0
    for _ in range(900):
        assert isinstance(connection.next_event(), h11.Data)
        longest = max(longest, len(connection._beginning()))
    assert longest <= 16 * 1024
