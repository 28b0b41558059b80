"""How a real `regard serve` ends: in time, with an answer for everybody, without a traceback, at every signal."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from open_server import serve
from people import crowd, encoded
from toy_door import closed

CALL = b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: RekognitionService.ListCollections\r\n"
#: What a client has sent when the server is told to end.
KINDS = {
    "nothing": b"",
    "a part of a head": b"POST / HTTP/1.1\r\nHos",
    "a head": CALL + b"Content-Length: 9\r\n\r\n",
    "a request": b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize(
    "end", [signal.SIGTERM, *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGINT, signal.SIGHUP))]
)
def test_the_server_ends_in_time_whatever_its_connections_are_doing(
    models: Path, tmp_path: Path, end: signal.Signals
) -> None:
    with serve(tmp_path / "home", models, grace_seconds=2) as running, ExitStack() as opened:
        running.call()
        waiting = []
        for sent in [*KINDS.values()] * 20:
            waiting.append(opened.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=10)))
            waiting[-1].sendall(sent)
        running.process.send_signal(signal.SIGUSR1)
        running.process.send_signal(signal.SIGUSR2)
        time.sleep(0.3)
        assert running.process.poll() is None
        start = time.monotonic()
        running.process.send_signal(end)
        assert running.process.wait(20) == (130 if end == signal.SIGINT else 0)
        assert time.monotonic() - start < 10
        assert all(closed(client, 1) for client in waiting)
        log = running.log.read_text()
        assert "Traceback" not in log
        assert "status=5" not in log


@pytest.mark.slow
def test_every_request_in_flight_is_answered_or_told_to_come_again(models: Path, tmp_path: Path) -> None:
    picture = encoded(crowd(1, 4, 128))
    tally: Counter[str] = Counter()
    with serve(tmp_path / "home", models, grace_seconds=2) as running, closing(running.client()) as client:

        def detect() -> None:
            try:
                client.detect_faces(Image={"Bytes": picture}, Attributes=["ALL"])
                tally["OK"] += 1
            except ClientError as error:
                tally[error.response["Error"]["Code"]] += 1
            except BotoCoreError as error:
                tally[type(error).__name__] += 1

        threads = [threading.Thread(target=detect) for _ in range(40)]
        for thread in threads:
            thread.start()
        while "DetectFaces OK" not in running.log.read_text():
            time.sleep(0.05)
        start = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
        assert time.monotonic() - start < 12
        for thread in threads:
            thread.join()
        log = running.log.read_text()
    assert tally.total() == len(threads)
    # A connection that was only just made may be closed; botocore tries again by itself unless told not to.
    assert set(tally) <= {"OK", "503", "ServiceUnavailable", "EndpointConnectionError", "ConnectionClosedError"}
    assert tally["OK"]
    assert "Traceback" not in log
    assert "status=500" not in log
