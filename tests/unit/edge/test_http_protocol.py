"""Deadlines and bounds of one connection: nothing that a client sends, or leaves out, keeps it open for ever."""

from __future__ import annotations

import gc
import inspect
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from toy_door import GET, Door, answer, closed, door
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from regard.edge.http_protocol import HttpProtocol

EARLY = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
SHORT_HEAD = 0.4


def trickled(client: socket.socket, piece: bytes, seconds: float, pause: float = 0.05) -> float:
    """Send a piece again and again until the server closes or the time is up; the seconds that took."""
    start = time.monotonic()
    try:
        while time.monotonic() - start < seconds:
            client.sendall(piece)
            time.sleep(pause)
    except OSError:
        pass
    return time.monotonic() - start


def test_who_sends_nothing_is_let_go() -> None:
    with door(head=SHORT_HEAD) as running:
        client = running.open()
        start = time.monotonic()
        assert closed(client)
        assert time.monotonic() - start > SHORT_HEAD / 2
        running.until(0)


@pytest.mark.parametrize("before", [b"", GET])
def test_a_head_has_a_deadline_in_all_not_for_each_byte(before: bytes) -> None:
    with door(head=SHORT_HEAD, rest=0.3) as running:
        client = running.open()
        if before:
            client.sendall(before)
            answer(client)
        client.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert trickled(client, b"a", 5) < 4
        running.until(0)


def test_a_head_that_is_late_is_told_so() -> None:
    with door(head=SHORT_HEAD) as running:
        client = running.open()
        client.sendall(b"GET / HTT")
        assert answer(client).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert closed(client)


def test_an_open_connection_is_idle_for_as_long_as_set_and_no_longer() -> None:
    with door(idle=0.5, head=0.1) as running:
        client = running.open()
        for _ in range(2):
            client.sendall(GET)
            assert answer(client).endswith(b"hello")
            time.sleep(0.2)  # longer than a head may take
        assert closed(client, 3)
        running.until(0)


def test_an_answer_that_takes_longer_than_every_deadline_is_waited_for() -> None:
    with door(head=0.1, idle=0.1) as running:
        assert running.ask(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"hello")


@pytest.mark.parametrize("closing", [b"", b"Connection: close\r\n"])
def test_a_client_that_is_refused_reads_the_answer_though_it_is_still_sending(closing: bytes) -> None:
    body = bytes(4 * 1024 * 1024)
    head = (EARLY % len(body)).replace(b"\r\n\r\n", b"\r\n" + closing + b"\r\n")
    with door() as running:
        client = running.open()
        client.sendall(head)
        time.sleep(0.1)  # the answer is there before the body
        client.sendall(body)
        assert answer(client).startswith(b"HTTP/1.1 413 ")
        if closing:
            assert closed(client, 1)
        else:
            client.sendall(GET)
            assert answer(client).endswith(b"hello")


@pytest.mark.parametrize(
    "head",
    [
        EARLY % 10**12,
        (EARLY % 10**12).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        b"POST /early HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
        b"POST /early HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 999999999999\r\n\r\n",
        b"no HTTP at all\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
    ],
)
def test_what_is_sent_after_a_refusal_is_read_up_to_a_bound(head: bytes) -> None:
    with door() as running:
        client = running.open()
        client.sendall(head)
        sent = 0
        with suppress(ConnectionError):
            while sent < 200:
                client.sendall(bytes(1024 * 1024))
                sent += 1
        assert sent < 60  # 16 MiB, and what both kernels hold
        running.until(0)


@pytest.mark.parametrize("head", [EARLY % 10**9, b"no HTTP at all\r\n\r\n"])
@pytest.mark.parametrize("piece", [b"", b"a"])
@pytest.mark.slow
def test_what_is_sent_slowly_after_a_refusal_is_read_for_a_while_only(head: bytes, piece: bytes) -> None:
    with door(rest=0.5) as running:
        client = running.open()
        client.sendall(head)
        trickled(client, piece, 2)
        running.until(0)


def test_a_client_that_does_not_read_its_answer_is_let_go() -> None:
    with door(write=0.5) as running:
        client = running.open()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        running.until(1)
        running.until(0)


@pytest.mark.slow
def test_a_client_that_reads_slowly_gets_all_of_its_answer() -> None:
    with door(write=0.5) as running:
        client = running.open()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        count = 0
        while more := client.recv(262144):
            count += len(more)
            time.sleep(0.02)
        assert count > 8 * 1024 * 1024


@pytest.mark.parametrize("leave", ["close", "reset", "half"])
@pytest.mark.parametrize("sent", [b"", b"GET", b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", EARLY % 100, b"bad\r\n\r\n"])
def test_nothing_stays_of_a_client_that_leaves(leave: str, sent: bytes) -> None:
    with door() as running:
        client = running.open()
        client.sendall(sent)
        running.until(1)
        if leave == "half":
            client.shutdown(socket.SHUT_WR)
        else:
            if leave == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        running.until(0)


def strangers(running: Door, count: int, sent: bytes = b"") -> list[socket.socket]:
    opened = []
    for _ in range(count):
        opened.append(running.open())
        opened[-1].sendall(sent)
    return opened


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", GET, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", EARLY % 9],
    ids=["nothing", "a part of a head", "kept alive", "no body", "no body after the answer"],
)
@pytest.mark.parametrize("bound", ["most", "strangers"])
def test_newcomers_get_in_and_verified_clients_stay_however_many_strangers_come(bound: str, sent: bytes) -> None:
    with door(**{bound: 20}) as running:
        verified = running.open()
        verified.sendall(b"GET /vouch HTTP/1.1\r\nHost: x\r\n\r\n")
        answer(verified)
        first, *_ = strangers(running, 60, sent)
        assert running.ask().endswith(b"hello")
        verified.sendall(GET)
        assert answer(verified).endswith(b"hello")
        assert closed(first, 2)
        assert len(running.connections) <= 21


def test_a_request_that_is_being_answered_stays_however_many_strangers_come() -> None:
    with door(most=20) as running:
        client = running.open()
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        running.until(1)
        strangers(running, 40)
        assert answer(client).endswith(b"hello")


#: The parts of uvicorn's protocol that ours stands on, and where each is needed.
METHODS = (
    "connection_made",
    "connection_lost",
    "data_received",
    "eof_received",
    "handle_events",
    "on_response_complete",
    "send_400_response",
    "shutdown",
    "timeout_keep_alive_handler",
)


@pytest.mark.parametrize("name", METHODS)
def test_uvicorn_has_the_method_that_ours_extends(name: str) -> None:
    assert callable(vars(H11Protocol).get(name)), f"uvicorn has no {name} any more: see edge/http_protocol"


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (H11Protocol.__init__, ["conn", "transport", "cycle", "scope", "timeout_keep_alive_task", "loop"]),
        (
            RequestResponseCycle.__init__,
            ["disconnected", "keep_alive", "more_body", "response_started", "response_complete", "default_headers"],
        ),
    ],
)
def test_uvicorn_has_the_attributes_that_ours_reads(owner: Callable[..., None], names: list[str]) -> None:
    source = inspect.getsource(owner)
    missing = [name for name in names if f"self.{name}" not in source]
    assert not missing, f"uvicorn has no {missing} any more: see edge/http_protocol"


def protocols() -> int:
    gc.collect()
    return sum(isinstance(each, HttpProtocol) for each in gc.get_objects())


@pytest.mark.slow
def test_closed_connections_leave_no_protocol_behind() -> None:
    with door() as running:
        before = protocols()  # of other tests' servers
        for _ in range(50):
            running.ask()
            running.ask(b"bad\r\n\r\n")
        running.until(0)
        gc.collect()
        time.sleep(0.2)
        assert protocols() <= before + 2
