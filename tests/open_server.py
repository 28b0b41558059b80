"""A real `regard serve` in a process of its own, on a free port, and its first access key."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

#: In the last line of what a server says when it is ready.
_LAST_WORDS = "search_faces_by_image"
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class OpenServer:
    """The process, what it said when it was ready, and the file of its log."""

    process: subprocess.Popen[str]
    said: str
    log: Path

    def find(self, pattern: str) -> str:
        """The first group of what it said."""
        found = re.search(pattern, self.said)
        assert found, self.said
        return found[1]

    @property
    def url(self) -> str:
        return self.find(r"Endpoint: +(https?://127\.0\.0\.1:\d+)\n")

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def key(self) -> str:
        return self.find(r"AccessKeyId: +(\S+)")

    @property
    def secret(self) -> str:
        return self.find(r"SecretAccessKey: +(\S+)")

    def client(self, **options: Any) -> Any:
        """A client that neither retries nor checks what it sends; who asks for it closes it."""
        return boto3.client(
            "rekognition",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            config=Config(
                retries={"total_max_attempts": 1},
                parameter_validation=False,
                read_timeout=30,
                connect_timeout=10,
                max_pool_connections=100,
            ),
            **options,
        )

    def call(self) -> list[str]:
        """What a signed client is told of the collections."""
        with closing(self.client()) as client:
            collections: list[str] = client.list_collections()["CollectionIds"]
            return collections

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


@contextmanager
def serve(home: Path, models: Path, *, descriptors: int = 0, **settings: int) -> Iterator[OpenServer]:
    """The server, with `settings` of the section [server], and at most so many `descriptors` if that is not 0."""
    home.mkdir()
    lines = [f"{name} = {value}\n" for name, value in settings.items()]
    (home / "regard.toml").write_text(f"[server]\n{''.join(lines)}")
    with started(home, models, descriptors=descriptors) as running:
        yield running


@contextmanager
def started(
    home: Path, models: Path, *, descriptors: int = 0, settings: Mapping[str, str] = _NOTHING
) -> Iterator[OpenServer]:
    """The server of a home, ready, with `settings` of the environment and no others; its log is beside the home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGARD_", "OTEL_"))}
    command = [sys.executable, "-m", "regard", "serve", "--home", str(home), "--port", "0"]
    if descriptors:
        command = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh", *command]
    log = home.with_name(f"{home.name}.log")
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            env={**kept, "PYTHONUTF8": "1", "REGARD_MODELS_FOLDER": str(models), **settings},
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
        ) as process,
    ):
        assert process.stdout is not None
        try:
            said = ""
            while _LAST_WORDS not in said:
                line = process.stdout.readline()
                assert line, log.read_text()
                said += line
            yield OpenServer(process, said, log)
        finally:
            process.kill()
