"""TLS under the bounds of every connection: who does not shake hands counts, and is let go."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from contextlib import suppress

import pytest
from toy_door import GET, answer, closed, door

HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x"
    subprocess.run(["openssl", *words.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made


@pytest.fixture(scope="module")
def trusting() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def test_requests_are_answered_with_whatever_timing_they_come(
    context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    with door(tls=context) as running:
        for pause in (0, 0, 0, 0, 0.05):
            with trusting.wrap_socket(running.open()) as client:
                time.sleep(pause)
                for _ in range(2):
                    client.sendall(GET)
                    assert answer(client).endswith(b"hello")
        running.until(0)


def test_a_request_that_comes_with_the_end_of_the_handshake_is_answered(
    context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    with door(tls=context) as running, running.open() as client:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trusting.wrap_bio(incoming, outgoing)
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        client.sendall(outgoing.read())
        while True:
            incoming.write(client.recv(65536))
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                continue
        tls.write(GET)
        client.sendall(outgoing.read())  # the end of the handshake and the request, in one
        got = b""
        while not got.endswith(b"hello"):
            incoming.write(client.recv(65536))
            with suppress(ssl.SSLWantReadError):
                while True:  # head and body may come in one piece, and are read one by one
                    got += tls.read(65536)


@pytest.mark.parametrize("sent", [b"", HELLO, GET, b"\x00" * 1000])
def test_who_does_not_shake_hands_is_let_go(context: ssl.SSLContext, sent: bytes) -> None:
    with door(tls=context, head=0.4) as running:
        client = running.open()
        client.sendall(sent)
        assert closed(client)
        running.until(0)


@pytest.mark.parametrize("leave", ["close", "half"])
def test_nothing_stays_of_a_client_that_leaves_before_it_has_shaken_hands(context: ssl.SSLContext, leave: str) -> None:
    with door(tls=context) as running:
        for sent in (b"", HELLO):
            client = running.open()
            client.sendall(sent)
            running.until(1)
            client.shutdown(socket.SHUT_WR) if leave == "half" else client.close()
            running.until(0)


def test_a_newcomer_gets_in_however_many_do_not_shake_hands(context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with door(tls=context, most=20) as running:
        first, *_ = [running.open() for _ in range(60)]
        with trusting.wrap_socket(running.open()) as client:
            client.sendall(GET)
            assert answer(client).endswith(b"hello")
        assert closed(first, 2)
        assert len(running.connections) <= 20


def test_a_client_that_is_refused_reads_the_answer_though_it_is_still_sending(
    context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    with door(tls=context) as running, trusting.wrap_socket(running.open()) as client:
        client.sendall(b"POST /early HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n")
        time.sleep(0.1)
        client.sendall(bytes(1_000_000))
        assert answer(client).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_does_not_read_its_answer_is_let_go(context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    with door(tls=context, write=0.5) as running, trusting.wrap_socket(running.open()) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        running.until(1)
        running.until(0)
