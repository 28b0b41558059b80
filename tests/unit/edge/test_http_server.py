"""How a server ends: what runs is answered, what is late is told so, and no signal is a surprise."""

from __future__ import annotations

import inspect
import resource
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvicorn
from toy_door import GET, answer, closed, process

from regard.edge.connections import ConnectionLimits, Connections
from regard.edge.http_server import HttpServer, Listening

ENDS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
#: So long a busy machine may take for what takes no time.
PATIENCE = 8


def connect(port: int, sent: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    client.sendall(sent)
    return client


def blocking(seconds: float) -> bytes:
    return b"GET /block?%.1f HTTP/1.1\r\nHost: x\r\n\r\n" % seconds


def ended(server: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    """The exit code of a server that ends, and what it said."""
    out, err = server.communicate(timeout=PATIENCE)
    return server.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.slow
def test_what_runs_is_answered_and_what_is_idle_is_closed(end: signal.Signals) -> None:
    with process() as (server, port), connect(port, blocking(1.5)) as busy, connect(port, GET) as idle:
        answer(idle)
        with connect(port) as silent, connect(port, b"GET / HTTP/1.1\r\nHos") as partial:
            time.sleep(0.3)
            server.send_signal(end)
            assert closed(idle, 1)
            assert closed(silent, 1)
            assert closed(partial, 1)
            with pytest.raises(ConnectionRefusedError):
                connect(port)
            got = answer(busy)
            assert got.startswith(b"HTTP/1.1 200 OK")
            assert got.endswith(b"hello")
            assert b"connection: close" in got.lower()
            code, out, err = ended(server)
            assert (code, out, err) == (0, "ending\n", "")


@pytest.mark.slow
def test_what_is_not_answered_in_time_is_told_so_in_one_line_and_without_a_traceback() -> None:
    upload = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"
    with process(0.5) as (server, port), connect(port, blocking(60)) as busy, connect(port, upload) as slow:
        time.sleep(0.3)
        start = time.monotonic()
        server.send_signal(signal.SIGTERM)
        for client in (busy, slow):
            got = answer(client)
            assert got.startswith(b"HTTP/1.1 503 Service Unavailable\r\n"), got
            assert b"Retry-After: 1" in got
            assert b"Connection: close" in got
        code, _, err = ended(server)
        assert time.monotonic() - start < PATIENCE
        assert code == 0
        assert len(err.splitlines()) == 1
        assert "Requests not answered before the server ended: 2." in err


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.slow
def test_a_second_signal_ends_at_once(second: signal.Signals) -> None:
    with process(60) as (server, port), connect(port, blocking(60)) as busy:
        time.sleep(0.3)
        server.send_signal(signal.SIGTERM)
        assert server.stdout
        assert server.stdout.readline() == b"ending\n"
        server.send_signal(second)
        assert answer(busy).startswith(b"HTTP/1.1 503 ")
        code, _, err = ended(server)
        assert code == 0
        assert len(err.splitlines()) == 1


def test_a_second_hangup_changes_nothing_for_a_closing_terminal_may_send_two() -> None:
    with process() as (server, port), connect(port, blocking(1)) as busy:
        time.sleep(0.3)
        server.send_signal(signal.SIGHUP)
        assert server.stdout
        assert server.stdout.readline() == b"ending\n"
        server.send_signal(signal.SIGHUP)
        assert answer(busy).endswith(b"hello")
        assert ended(server)[0] == 0


@pytest.mark.slow
def test_a_client_that_does_not_read_or_goes_on_sending_does_not_hold_up_the_end() -> None:
    early = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with process(1) as (server, port), connect(port, early) as sending, connect(port) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        answer(sending)
        time.sleep(0.3)
        server.send_signal(signal.SIGTERM)
        assert ended(server)[0] == 0


@pytest.mark.parametrize("other", [signal.SIGUSR1, signal.SIGUSR2])
def test_other_signals_are_ignored(other: signal.Signals) -> None:
    with process() as (server, port):
        server.send_signal(other)
        with connect(port, GET) as client:
            assert answer(client).endswith(b"hello")
        assert server.poll() is None


@pytest.mark.slow
def test_connections_are_accepted_though_strangers_have_taken_every_descriptor() -> None:
    with process() as (server, port), ExitStack() as opened:
        strangers = [opened.enter_context(connect(port, GET)) for _ in range(30)]
        for stranger in strangers:
            answer(stranger)
        taken = max(int(each.name) for each in Path(f"/proc/{server.pid}/fd").iterdir())
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (taken + 1, hard))
        more = [opened.enter_context(connect(port)) for _ in range(10)]
        with connect(port, GET) as client:
            assert answer(client).endswith(b"hello")
        assert closed(strangers[0], 2)
        assert not any(closed(each, 0.01) for each in more)
        server.send_signal(signal.SIGTERM)
        code, _, err = ended(server)
        assert code == 0
        assert len(err.splitlines()) == 1
        assert "No connection can be accepted: Too many open files" in err


@pytest.mark.parametrize("name", ["startup", "shutdown", "handle_exit", "capture_signals", "run"])
def test_uvicorn_has_the_method_that_ours_replaces(name: str) -> None:
    assert name in vars(uvicorn.Server), f"uvicorn's Server has no {name} any more: see edge/http_server"


def test_uvicorn_has_the_attributes_that_ours_reads() -> None:
    source = inspect.getsource(uvicorn.Server)
    for name in (
        "self.servers",
        "self.server_state.connections",
        "self.should_exit",
        "self.force_exit",
        "self.started",
    ):
        assert name in source, f"uvicorn has no {name} any more: see edge/http_server"


def test_a_signal_also_ends_a_server_that_is_about_to_begin_again() -> None:
    limits = ConnectionLimits(most=1, most_strangers=1, vouched_seconds=1)
    server = HttpServer(None, Listening(host="127.0.0.1", port=0), Connections(limits))
    server.begin_again()
    server.handle_exit(signal.SIGTERM, None)
    assert (server.ended_by, server.force_exit) == (signal.SIGTERM, False)
    server.handle_exit(signal.SIGINT, None)
    assert (server.ended_by, server.force_exit) == (signal.SIGTERM, True)
