"""A real server on a home and a port of its own, to be killed and started again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import boto3
from botocore.config import Config

#: Seconds to wait for a server that does not come.
PATIENCE = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """What is the same from one start to the next, and the process of the present one."""

    home: Path
    models: Path
    port: int = field(default_factory=free_port)
    #: The environment's.
    settings: dict[str, str] = field(default_factory=dict)
    key: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str) -> str:
        """What `regard …` says, which must end well."""
        done = subprocess.run(
            self._command(*arguments), env=self._environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"regard {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def begun(self) -> Iterator[IO[bytes]]:
        """Its process, from its first moment; what it says. Killed in the end."""
        self.key = self.key or json.loads(self.run("keys", "create", "--json"))
        command = self._command("serve", "--port", str(self.port))
        with tempfile.TemporaryFile() as log:
            self.process = subprocess.Popen(command, env=self._environment(), stdout=log, stderr=subprocess.STDOUT)
            try:
                yield log
            finally:
                self.process.kill()
                self.process.wait()

    @contextmanager
    def started(self) -> Iterator[float]:
        """Up for the while; the seconds from its process's start until it was ready."""
        with self.begun() as log:
            began = time.monotonic()
            while not self._is_ready():
                assert self.process is not None
                assert self.process.poll() is None, _text(log)
                assert time.monotonic() < began + PATIENCE, _text(log)
                time.sleep(0.02)
            yield time.monotonic() - began

    def kill(self) -> None:
        """`kill -9`, whatever it is doing."""
        assert self.process is not None
        assert self.process.poll() is None, "the server had ended by itself"
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def client(self, stack: ExitStack) -> Any:
        """One that tells its caller of everything that goes wrong."""
        made = boto3.client(
            "rekognition",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=self.key["AccessKeyId"],
            aws_secret_access_key=self.key["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60),
        )
        return stack.enter_context(closing(made))

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "regard", *arguments, "--home", str(self.home)]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REGARD_")}
        models = {"REGARD_MODELS_FOLDER": str(self.models), "REGARD_MODELS_THREADS": "1"}
        return kept | models | self.settings

    def _is_ready(self) -> bool:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)) as connection, suppress(OSError):
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        return False


def _text(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode()
