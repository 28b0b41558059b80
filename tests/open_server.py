"""A real `regard serve` in a process of its own, on a free port, and its first access key."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True)
class OpenServer:
    """The process, where it listens, its key, and the file of its log."""

    process: subprocess.Popen[str]
    port: int
    key: str
    secret: str
    log: Path

    def client(self) -> Any:
        """A client that does not retry; whoever asks for it closes it."""
        return boto3.client(
            "rekognition",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            config=Config(
                retries={"total_max_attempts": 1}, read_timeout=30, connect_timeout=10, max_pool_connections=100
            ),
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
    (home / "regard.toml").write_text(f'[models]\nfolder = "{models}"\n[server]\n{"".join(lines)}')
    command = [sys.executable, "-m", "regard", "serve", "--home", str(home), "--port", "0"]
    if descriptors:
        command = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh", *command]
    log = home / "log"
    with (
        log.open("w") as err,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, text=True) as run,
    ):
        try:
            said = ""
            assert run.stdout is not None
            while "search_faces_by_image" not in said:
                line = run.stdout.readline()
                assert line, log.read_text()
                said += line
            found = [re.search(each, said) for each in (r":(\d+)\n", r"AccessKeyId: +(\S+)", r"SecretAccessKey: (\S+)")]
            port, key, secret = (each[1] for each in found if each)
            yield OpenServer(run, int(port), key, secret, log)
        finally:
            run.kill()
