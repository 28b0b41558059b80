"""A Ray cluster of this machine's own: each node is a process group here, on loopback, that can be killed."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

#: Nothing is reported to anybody.
HEAD = "127.0.0.2"  # Ray takes 127.0.0.1 for "find out which address this machine has"
QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HEAD, 0))
        return int(probe.getsockname()[1])


@dataclass
class RayNodes:
    """A head without cores, which only keeps the books, and nodes of one core each."""

    port: int
    folder: Path
    environment: dict[str, str]
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{HEAD}:{self.port}"

    def start(self) -> None:
        """The first is the head."""
        self.nodes.append(self._begun(len(self.nodes)))

    def _begun(self, number: int) -> subprocess.Popen[bytes]:
        head = number == 0
        where = (
            ["--head", f"--port={self.port}", "--include-dashboard=false"] if head else [f"--address={self.address}"]
        )
        words = [
            *(sys.executable, "-W", "ignore", "-m", "ray.scripts.scripts", "start", "--block", *where),
            *(f"--node-ip-address=127.0.0.{number + 2}", f"--num-cpus={0 if head else 1}", "--num-gpus=0"),
            *("--object-store-memory=80000000", "--disable-usage-stats"),
        ]
        if head:
            words.append(f"--temp-dir={self.folder}")
        with (self.folder / f"node-{number}.log").open("wb") as log:
            return subprocess.Popen(
                words, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def until_started(self) -> None:
        """Wait for every node; on a busy machine that takes half a minute, and Ray itself gives up after as long."""
        deadline = time.monotonic() + 180
        for number in range(len(self.nodes)):
            log = self.folder / f"node-{number}.log"
            while "Ray runtime started" not in log.read_text():
                assert time.monotonic() < deadline, log.read_text()
                if self.nodes[number].poll() is not None:
                    self.nodes[number] = self._begun(number)
                time.sleep(0.1)

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """As when its power fails: every process of its at once."""
        for pid in _group(node.pid):
            os.kill(pid, signal.SIGKILL)
        node.wait(20)


def _group(leader: int) -> list[int]:
    """The processes of a session, by their numbers."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if os.getsid(int(entry.name)) == leader:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


@contextmanager
def ray_nodes(count: int, environment: dict[str, str]) -> Iterator[RayNodes]:
    """A head and `count` nodes; `environment` is what their workers see."""
    folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    # One of its sockets listens everywhere, so that strangers must be kept out by a secret.
    secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    nodes = RayNodes(free_port(), folder, {**os.environ, **QUIET, **secret, **environment})
    try:
        nodes.start()
        nodes.until_started()
        for _ in range(count):
            nodes.start()
        nodes.until_started()
        yield nodes
    finally:
        for node in reversed(nodes.nodes):
            nodes.kill(node)
        shutil.rmtree(folder, ignore_errors=True)
