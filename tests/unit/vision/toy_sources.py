"""Small real sources for tests: a web server on loopback that can misbehave, a wheel, an npm registry."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import socket
import struct
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from regard.vision.cards import Input, ModelCard, Source

CONTENT = bytes(range(256)) * 4096  # 1 MiB
EMPTY_PATH = "/nonexistent"


@dataclass
class Page:
    """What an address answers. Closing `gate` stops the body half-way; `cut` bytes are promised and never sent. As long
    as there are `breaks`, the connection breaks off after that many bytes of an answer, without a word or `rudely`.
    `ranges` says whether the rest of a file can be asked for, and `chunked` whether lengths are told."""

    body: bytes = CONTENT
    status: int = 200
    cut: int = 0
    location: str | None = None
    breaks: list[int] = field(default_factory=list)
    rudely: bool = False
    ranges: bool = False
    chunked: bool = False
    gate: threading.Event = field(default_factory=threading.Event)


class ToyServer(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        self.base = f"http://127.0.0.1:{self.server_port}"

    def page(self, path: str, *, gated: bool = False, **fields: Any) -> Page:
        page = self.pages[path] = Page(**fields)
        if not gated:
            page.gate.set()
        return page

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves half-way is part of these tests."""


class _Handler(BaseHTTPRequestHandler):
    server: ToyServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        page = self.server.pages.get(self.path)
        if page is None:
            self.send_error(404)
            return
        asked = self.headers.get("Range") if page.ranges else None
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        body = page.body[start:]
        self.send_response(206 if asked else page.status)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(page.body) - 1}/{len(page.body)}")
        if page.location:
            self.send_header("Location", page.location)
        if page.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body) + page.cut))
        self.end_headers()
        if page.breaks:
            self._break_off(body[: page.breaks.pop(0)], page)
            return
        half = len(body) // 2
        self._send(body[:half], page)
        page.gate.wait()
        self._send(body[half:], page)
        self.wfile.write(b"0\r\n\r\n" if page.chunked else b"")

    def _send(self, part: bytes, page: Page) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if page.chunked else part)

    def _break_off(self, part: bytes, page: Page) -> None:
        self._send(part, page)
        if page.rudely:  # a reset, as of a router that forgot the connection
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            time.sleep(0.1)  # what is not yet read when the reset comes is lost
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running(port: int = 0) -> Iterator[ToyServer]:
    with ToyServer(port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            for page in server.pages.values():
                page.gate.set()
            server.shutdown()
            thread.join()


def toy_card(*sources: Source, content: bytes = CONTENT, name: str = "toy", **fields: Any) -> ModelCard:
    """A pose card for `content`."""
    grey = Input(width=24, height=24, channels="GREY", mean=(0.0,), std=(255.0,))
    known: dict[str, Any] = {
        "task": "face-pose",
        "family": "fr-pose",
        "file": f"{name}.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "licence": "MIT",
        "provenance": "Made for a test.",
        "pack": "toys",
        "input": grey,
    }
    return ModelCard(name=name, sources=sources, **(known | fields))


def url(address: str) -> Source:
    return Source(url=address)


def write_wheel(folder: Path, files: dict[str, bytes]) -> Path:
    """A wheel toymodels==1.0 that pip accepts."""
    wheel = folder / "toymodels-1.0-py3-none-any.whl"
    info = {
        "METADATA": b"Metadata-Version: 2.1\nName: toymodels\nVersion: 1.0\n",
        "WHEEL": b"Wheel-Version: 1.0\nGenerator: toy\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": b"",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name, content in info.items():
            archive.writestr(f"toymodels-1.0.dist-info/{name}", content)
    return wheel


def npm_archive(files: dict[str, bytes]) -> bytes:
    """The bytes of an npm package's .tgz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def serve_npm(server: ToyServer, files: dict[str, bytes]) -> None:
    """Make the server a registry of one package, toymodels@1.0.0, with scripts that must never run."""
    scripts = dict.fromkeys(("prepack", "prepare", "postpack", "install", "postinstall"), "echo ran > ran.txt")
    manifest = {"name": "toymodels", "version": "1.0.0", "scripts": scripts}
    archive = npm_archive({"package.json": json.dumps(manifest).encode(), **files})
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    dist = {"tarball": f"{server.base}/toymodels.tgz", "integrity": f"sha512-{digest}"}
    listing = {"name": "toymodels", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": manifest | {"dist": dist}}}
    server.page("/toymodels.tgz", body=archive)
    server.page("/toymodels", body=json.dumps(listing).encode())
