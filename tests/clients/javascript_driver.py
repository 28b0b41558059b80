from __future__ import annotations

import json
import os
import subprocess
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .drivers import Access, Driver, Fault
from .installing import HERE, javascript_sdk


@dataclass(frozen=True, kw_only=True)
class JavaScript(Driver):
    """The AWS SDK for JavaScript, in one Node process that is asked and answers by the line (`client.mjs`)."""

    node: subprocess.Popen[str]
    turn: threading.Lock

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask(operation=operation, parameters=parameters)
        return answer

    def pages(self, operation: str, size: int, **parameters: Any) -> list[dict[str, Any]]:
        pages: list[dict[str, Any]] = self._ask(operation=operation, parameters=parameters, pageSize=size)
        return pages

    def _ask(self, **question: Any) -> Any:
        assert self.node.stdin is not None
        assert self.node.stdout is not None
        with self.turn:
            self.node.stdin.write(json.dumps({"access": asdict(self.access), **question}, default=_blob) + "\n")
            self.node.stdin.flush()
            line = self.node.stdout.readline()
        assert line, "Node has ended; its last words are on standard error"
        said = json.loads(line, object_hook=_special)
        if "fault" in said:
            raise Fault(**said["fault"])
        return said["answer"]


def _blob(value: Any) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"$bytes": b64encode(value).decode()}
    raise TypeError(f"no parameter of an operation: {value!r}")


def _special(members: dict[str, Any]) -> Any:
    match members:
        case {"$bytes": text}:
            return b64decode(text)
        case {"$date": text}:
            return datetime.fromisoformat(text)
    return members


@contextmanager
def javascript_driver(access: Access, folder: Path) -> Iterator[JavaScript]:
    sdk, pipe = javascript_sdk(), subprocess.PIPE
    nobodys = {"AWS_CONFIG_FILE": str(folder / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none")}
    with subprocess.Popen(
        ["node", str(HERE / "client.mjs"), str(sdk)],
        stdin=pipe,
        stdout=pipe,
        encoding="utf-8",
        env=os.environ | nobodys,
    ) as node:
        yield JavaScript(access=access, node=node, turn=threading.Lock())
        assert node.stdin is not None
        node.stdin.close()
