"""A server with its console, and whoever became its administrator: what the console's benchmarks measure on."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.served import Served, served

PASSWORD = "correct horse battery"  # noqa: S105 - of a server that is gone afterwards
COLLECTION = "people"
_LINK = re.compile(rb"/console/#/welcome/(\S+)")


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in: the console's address, and the cookie that their browser keeps."""

    url: str
    cookie: str
    server: Served


@contextmanager
def console_server(home: Path, profile: str = "recorded") -> Iterator[Person]:
    """Whose administrator has signed in, and whose collection is there, with what it holds already."""
    log = home.with_suffix(".log")
    with served(home, log, {"REGARD_ACCOUNTABILITY_PROFILE": profile}) as server:
        base = f"http://127.0.0.1:{server.port}"
        cookie = _signed_in(base, log)
        known, _ = _get(base, "collections", cookie)
        if COLLECTION not in {each["collection_id"] for each in known["collections"]}:
            _post(base, "collections", {"collection_id": COLLECTION}, cookie)
        yield Person(f"{base}/console/", cookie, server)


def _signed_in(base: str, log: Path) -> str:
    """The cookie of Ada's, who becomes the administrator where there is none."""
    try:
        return _post(base, "sign-in", {"login": "ada", "password": PASSWORD})[1]
    except urllib.error.HTTPError:
        _post(base, "first-run", {"token": _link(log), "name": "Ada", "login": "ada", "password": PASSWORD})
        return _post(base, "sign-in", {"login": "ada", "password": PASSWORD})[1]


def _link(log: Path) -> str:
    for _ in range(100):
        if found := _LINK.search(log.read_bytes()):
            return found[1].decode()
        time.sleep(0.1)
    raise SystemExit("The server showed no link for a first administrator.")


def _post(base: str, path: str, body: dict[str, Any], cookie: str = "") -> tuple[Any, str]:
    return _asked(f"{base}/v1/{path}", json.dumps(body).encode(), cookie)


def _get(base: str, path: str, cookie: str) -> tuple[Any, str]:
    return _asked(f"{base}/v1/{path}", None, cookie)


def _asked(url: str, body: bytes | None, cookie: str) -> tuple[Any, str]:
    """The answer, and the cookie that came with it."""
    request = urllib.request.Request(url, body)  # noqa: S310 - of this machine
    request.add_header("x-regard-console", "1")
    request.add_header("content-type", "application/json")
    if cookie:
        request.add_header("cookie", cookie)
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - of this machine
        kept = (answer.headers.get("set-cookie") or "").partition(";")[0]
        return json.loads(answer.read() or b"null"), kept
