from __future__ import annotations

import json
import os
import subprocess
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .drivers import Access, Driver, Fault
from .installing import HERE, aiobotocore_python, javascript_sdk


@dataclass(frozen=True, kw_only=True)
class Spoken(Driver):
    """A client in a process of its own, which is asked and answers by the line (as `client.mjs` says)."""

    process: subprocess.Popen[str]
    turn: threading.Lock

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask(operation=operation, parameters=parameters)
        return answer

    def pages(self, operation: str, size: int, **parameters: Any) -> list[dict[str, Any]]:
        pages: list[dict[str, Any]] = self._ask(operation=operation, parameters=parameters, pageSize=size)
        return pages

    def _ask(self, **question: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.turn:
            self.process.stdin.write(json.dumps({"access": asdict(self.access), **question}, default=_blob) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        assert line, "the client has ended; its last words are on standard error"
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


def javascript_driver(access: Access, folder: Path) -> AbstractContextManager[Spoken]:
    """Version 3 of the SDK."""
    return _spoken(access, folder, lambda: ["node", str(HERE / "client.mjs"), str(javascript_sdk())])


def javascript2_driver(access: Access, folder: Path) -> AbstractContextManager[Spoken]:
    """Version 2, which many programs still have."""
    return _spoken(access, folder, lambda: ["node", str(HERE / "client2.cjs"), str(javascript_sdk())])


def aiobotocore_driver(access: Access, folder: Path) -> AbstractContextManager[Spoken]:
    return _spoken(access, folder, lambda: [str(aiobotocore_python()), str(HERE / "aiobotocore_client.py")])


@contextmanager
def _spoken(access: Access, folder: Path, command: Callable[[], list[str]]) -> Iterator[Spoken]:
    nobodys = {"AWS_CONFIG_FILE": str(folder / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none")}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | nobodys
    pipe = subprocess.PIPE
    with subprocess.Popen(command(), stdin=pipe, stdout=pipe, encoding="utf-8", env=environment) as process:
        yield Spoken(access=access, process=process, turn=threading.Lock())
        assert process.stdin is not None
        process.stdin.close()
