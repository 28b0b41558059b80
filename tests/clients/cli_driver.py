from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from botocore import xform_name

from .drivers import Access, Driver, Fault
from .installing import aws_cli

_FAULT = re.compile(
    r"An error occurred \((\w+)\) when calling the \w+ operation(?: \(reached max retries: (\d+)\))?: (.*)", re.DOTALL
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00")
#: Times as people can read them; by itself the CLI prints the number that was sent.
_CONFIG = "[default]\ncli_timestamp_format = iso8601\n"


@dataclass(frozen=True, kw_only=True)
class Cli(Driver):
    """The AWS CLI, a process for every command."""

    joins_pages: ClassVar[bool] = True

    binaries: Path
    #: Where the files lie that its options name.
    folder: Path
    numbers: Iterator[int]

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.run(operation, *self._options(parameters))

    def pages(self, operation: str, size: int, **parameters: Any) -> list[dict[str, Any]]:
        return [self.run(operation, *self._options(parameters), "--page-size", str(size))]

    def run(self, operation: str, *options: str) -> dict[str, Any]:
        """`aws <service> <operation> <options>`"""
        where = ["--endpoint-url", self.access.url, "--region", self.access.region, "--output", "json"]
        command = ["aws", self.access.service, xform_name(operation, "-"), *options, *where]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", env=self.environment(), timeout=60, check=False
        )
        if done.returncode == 0:
            answer: dict[str, Any] = json.loads(done.stdout or "{}", object_hook=_with_times)
            return answer
        if fault := _FAULT.search(done.stderr):
            raise Fault(fault[1], fault[3].strip(), int(fault[2] or 0))
        raise AssertionError(done.stderr)

    def environment(self) -> dict[str, str]:
        """What the CLI finds in its environment: the key, and nobody's own settings."""
        config = self.folder / "config"
        config.write_text(_CONFIG, encoding="utf-8")
        token = {"AWS_SESSION_TOKEN": self.access.token} if self.access.token else {}
        return token | {
            "AWS_ACCESS_KEY_ID": self.access.key,
            "AWS_SECRET_ACCESS_KEY": self.access.secret,
            "AWS_CONFIG_FILE": str(config),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PATH": f"{self.binaries}{os.pathsep}{os.environ['PATH']}",
        }

    def _options(self, parameters: Mapping[str, Any]) -> list[str]:
        return [word for name, value in parameters.items() for word in self._option(name, value)]

    def _option(self, name: str, value: Any) -> list[str]:
        option = "--" + xform_name(name, "-")
        match value:
            case {"Bytes": content}:
                file = self.folder / f"picture-{next(self.numbers)}"
                file.write_bytes(content)
                return [f"{option}-bytes", f"fileb://{file}"]
            case dict():
                return [option, json.dumps(value, ensure_ascii=False)]
            case list():
                return [option, *value]
        return [option, str(value)]


def _with_times(members: dict[str, Any]) -> dict[str, Any]:
    """A member that looks like a time is one."""
    return {
        name: datetime.fromisoformat(value) if isinstance(value, str) and _TIME.fullmatch(value) else value
        for name, value in members.items()
    }


@contextmanager
def cli_driver(access: Access, folder: Path) -> Iterator[Cli]:
    yield Cli(access=access, binaries=aws_cli(), folder=folder, numbers=count())
