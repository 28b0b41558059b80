"""Strangers: those without a valid key, and what they do to a server. One function an attack; `ATTACKS` lists them.

Each visit comes from the address of its target, so that two hundred strangers are two hundred addresses (Linux: all of
127.0.0.0/8 is there). A visit ends when the attack is over, when the server hangs up, or when `ended` is set.
"""

from __future__ import annotations

import base64
import io
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import Protocol

import PIL.Image
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.served import Key
from benchmarks.signed_client import Prepared

#: Idle connections that one stranger holds: with 200 strangers about the 1,100 that used up 1,024 descriptors.
IDLE_CONNECTIONS = 80
MIB = 1024 * 1024
#: Seconds from the end of a visit to the next.
PAUSE_SECONDS = 1.0
_LOOK_SECONDS, _ANSWER_SECONDS = 0.5, 30.0
_CHUNK, _CHUNK_SECONDS = b"x" * 65536, 0.02


class Ended(Protocol):
    """`threading.Event` and that of `multiprocessing`."""

    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...


@dataclass(frozen=True)
class Target:
    """The server, a key of somebody else's whose id is known and whose secret is not, and where the stranger is."""

    port: int
    key: Key
    address: str = "127.0.0.1"

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        with socket.socket() as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.bind((self.address, 0))
            connection.connect(("127.0.0.1", self.port))
            yield connection

    def head(self, length: int | str, *lines: str, authorization: str = "") -> bytes:
        """The head of a DetectFaces."""
        given = [f"Host: 127.0.0.1:{self.port}", f"Content-Length: {length}", *lines]
        given += ["Content-Type: application/x-amz-json-1.1", "X-Amz-Target: RekognitionService.DetectFaces"]
        given += [f"Authorization: {authorization}"] if authorization else []
        return "\r\n".join(["POST / HTTP/1.1", *given, "", ""]).encode()

    def wrongly_signed(self, request: Prepared) -> bytes:
        """A whole request under the known key's id, signed with a made-up secret."""
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"RekognitionService.{request.operation}",
            "X-Amz-Content-SHA256": request.digest,
        }
        signing = AWSRequest("POST", f"http://127.0.0.1:{self.port}/", headers, request.body)
        credentials = Credentials(self.key.access_key_id, "made up")
        SigV4Auth(credentials, "rekognition", "us-east-1").add_auth(signing)
        lines = [f"{name}: {value}" for name, value in signing.headers.items()]
        lines += [f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(request.body)}"]
        return "\r\n".join(["POST / HTTP/1.1", *lines, "", ""]).encode() + request.body


def idle(target: Target, ended: Ended) -> str:
    """Connections that never send."""
    with ExitStack() as stack:
        held = [stack.enter_context(target.connected()) for _ in range(IDLE_CONNECTIONS)]
        while held and not ended.wait(_LOOK_SECONDS):
            held = [connection for connection in held if not _was_closed(connection)]
        return "held" if held else "closed"


def slow_head(target: Target, ended: Ended) -> str:
    """A head, a byte a second."""
    return _drip(target, ended, b"", target.head(1))


def declared(target: Target, ended: Ended) -> str:
    """16 MiB declared, none sent."""
    return _declare(target, ended, 16 * MIB)


def one_byte(target: Target, ended: Ended) -> str:
    """One byte declared, none sent."""
    return _declare(target, ended, 1)


def slow_body(target: Target, ended: Ended) -> str:
    """A body, a byte a second."""
    return _drip(target, ended, target.head(MIB), b"{" + b" " * 3600)


def too_long(target: Target, ended: Ended) -> str:
    """A body of 10 GiB, sent on and on after the 413."""
    return _flood(target, ended, target.head(10 * 1024 * MIB), _CHUNK)


def endless_chunks(target: Target, ended: Ended) -> str:
    """The same in chunks, of which there is no end."""
    head = target.head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    return _flood(target, ended, head, b"%x\r\n%s\r\n" % (len(_CHUNK), _CHUNK))


def preface(target: Target, _: Ended) -> str:
    """HTTP/2 without having agreed on it."""
    return _ask(target, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")


def unsigned(target: Target, _: Ended) -> str:
    """A good request without a signature."""
    return _ask(target, target.head(2) + b"{}")


def wrong_signature(target: Target, _: Ended) -> str:
    """A small request under somebody's key."""
    return _ask(target, target.wrongly_signed(Prepared.of("ListCollections")))


def brackets(target: Target, _: Ended) -> str:
    """16 MiB of [] without a signature."""
    body = b"[" + b"[]," * (16 * MIB // 3 - 2) + b"1]"
    return _ask(target, target.head(len(body)) + body)


def nested(target: Target, _: Ended) -> str:
    """JSON nested 500 deep, over and over, under somebody's key."""
    deep = b"[" * 500 + b"]" * 500
    return _ask(target, target.wrongly_signed(Prepared("DetectFaces", b"[" + b",".join([deep] * 1000) + b"]")))


def huge_picture(target: Target, _: Ended) -> str:
    """67 megapixels in a PNG of a few hundred kilobytes, under somebody's key."""
    return _ask(target, target.wrongly_signed(_huge()))


def two_lengths(target: Target, _: Ended) -> str:
    """A body whose end is told in two ways."""
    return _ask(target, target.head(5, "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n")


def leave(target: Target, ended: Ended) -> str:
    """Connect and leave; ask and leave."""
    for content in (b"", b"POST", target.head(2), target.head(2) + b"{}"):
        with target.connected() as connection:
            connection.sendall(content)
            ended.wait(0.05)
    return "left"


Attack = Callable[[Target, Ended], str]
#: What is over quickly, and what holds on for as long as it is let.
BRIEF: tuple[Attack, ...] = (preface, unsigned, wrong_signature, nested, huge_picture, two_lengths, leave, brackets)
ATTACKS: tuple[Attack, ...] = (
    *(idle, declared, one_byte, slow_head, slow_body, too_long, endless_chunks),
    *BRIEF,
)


def visit(attack: Attack, target: Target, ended: Ended) -> str:
    """What came of one visit: an answer's status, or how it ended."""
    try:
        return attack(target, ended)
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return type(error).__name__


@dataclass
class Crowd:
    """Strangers in a process of their own, one thread each, who come again and again while `present`."""

    target: Target
    count: int
    apart: bool = True
    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    cpu_seconds: float = 0.0

    @contextmanager
    def present(self) -> Iterator[None]:
        """Around the time that they are there; what came of their visits is known afterwards."""
        context = get_context("spawn")
        ended, reports = context.Event(), context.SimpleQueue()
        process = context.Process(target=_crowd, args=[self.target, self.count, self.apart, ended, reports])
        process.start()
        reports.get()  # they are about to come
        try:
            yield
        finally:
            ended.set()
            self.results, self.cpu_seconds = reports.get()
            process.join()


def _crowd(target: Target, count: int, apart: bool, ended: Event, reports: object) -> None:
    results: Counter[tuple[str, str]] = Counter()
    _huge()
    gone = threading.Event()  # cheaper to look at than the one that processes share

    def come(number: int) -> None:
        attack = ATTACKS[number % len(ATTACKS)]
        address = f"127.66.{number // 250}.{number % 250 + 1}" if apart else target.address
        while not gone.is_set():
            results[attack.__name__, visit(attack, replace(target, address=address), gone)] += 1
            gone.wait(PAUSE_SECONDS)

    threads = [threading.Thread(target=come, args=[number], daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    reports.put(None)  # type: ignore[attr-defined]
    ended.wait()
    gone.set()
    end = time.monotonic() + _ANSWER_SECONDS
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
    reports.put((results, time.process_time()))  # type: ignore[attr-defined]


def _ask(target: Target, content: bytes) -> str:
    """Send it all; the status that is answered. A server may answer, and hang up, before it has read everything."""
    with target.connected() as connection:
        with suppress(ConnectionError):
            connection.sendall(content)
        return _status(connection)


def _status(connection: socket.socket) -> str:
    line = connection.recv(1024).partition(b"\r\n")[0].split()
    return line[1].decode() if len(line) > 1 else "closed"


def _declare(target: Target, ended: Ended, length: int) -> str:
    with target.connected() as connection:
        connection.sendall(target.head(length, authorization="AWS4-HMAC-SHA256 of nobody"))
        while not ended.wait(_LOOK_SECONDS):
            if _was_closed(connection):
                return "closed"
    return "held"


def _drip(target: Target, ended: Ended, at_once: bytes, slowly: bytes) -> str:
    with target.connected() as connection:
        connection.sendall(at_once)
        for byte in slowly:
            connection.sendall(bytes([byte]))
            if ended.wait(1.0):
                return "held"
            if _was_closed(connection):
                return "closed"
    return "sent"


def _flood(target: Target, ended: Ended, head: bytes, chunk: bytes) -> str:
    """At about 3 MB a second. What it was told is not looked at."""
    sent = 0
    with target.connected() as connection, suppress(ConnectionError):
        connection.sendall(head)
        while not ended.wait(_CHUNK_SECONDS):
            connection.sendall(chunk)
            sent += len(chunk)
        return f"held, {sent // MIB >> 5 << 5}+ MiB"
    return f"cut, {sent // MIB >> 5 << 5}+ MiB"


def _was_closed(connection: socket.socket) -> bool:
    """Whether the server hung up; what it says until then is thrown away."""
    connection.setblocking(False)
    try:
        return connection.recv(65536) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        connection.settimeout(_ANSWER_SECONDS)


@cache
def _huge() -> Prepared:
    out = io.BytesIO()
    PIL.Image.new("RGB", (8192, 8192)).save(out, "PNG")
    return Prepared.of("DetectFaces", Image={"Bytes": base64.b64encode(out.getvalue()).decode()})
