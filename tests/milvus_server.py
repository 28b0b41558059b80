"""A real Milvus in a process of its own, from the wheel `milvus`, for every test that wants one.

Where it cannot be started such tests fail if the variable CI is set, as continuous integration sets it, and are skipped
elsewhere.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

_PATIENCE = 180.0
_MISSING = "needs Milvus' server: pip install milvus"
#: A search that must see what was just written waits for the next tick, of 200 ms unless told.
_TICK_MS = 20
#: Seconds after which one that starts takes the place of one that was killed.
_MOURNING = 10
#: Who it knows from the start. It listens on every interface, and cannot be told otherwise.
TOKEN = "root:Milvus"
_ETCD = """
listen-client-urls: http://127.0.0.1:{clients}
advertise-client-urls: http://127.0.0.1:{clients}
listen-peer-urls: http://127.0.0.1:{peers}
initial-advertise-peer-urls: http://127.0.0.1:{peers}
initial-cluster: default=http://127.0.0.1:{peers}
"""


@dataclass
class MilvusServer:
    """A server whose data lie in `folder`, which may be stopped and started again."""

    folder: Path
    port: int
    environment: dict[str, str]
    names: Iterator[int] = field(default_factory=count)
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def name(self) -> str:
        """One for an index that nobody else has."""
        return f"test{next(self.names)}"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as output:
            self.process = subprocess.Popen(
                [self.folder / "bin" / "milvus", "run", "standalone"],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=output,
            )

    def stop(self) -> None:
        """As if the machine had gone."""
        if self.process:
            self.process.kill()
            self.process.wait(timeout=_PATIENCE)

    def wait(self) -> None:
        """Until it says that it is well."""
        end = time.monotonic() + _PATIENCE
        health = f"http://127.0.0.1:{self.environment['METRICS_PORT']}/healthz"
        while self.process and self.process.poll() is None and time.monotonic() < end:
            try:
                with urllib.request.urlopen(health, timeout=5) as answer:
                    if b"OK" in answer.read():
                        return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.1)
        raise RuntimeError(f"Milvus did not start: {(self.folder / 'log').read_text()[-2000:]}")


@pytest.fixture(scope="session")
def milvus() -> Iterator[MilvusServer]:
    with ExitStack() as end:
        folder = Path(
            end.enter_context(tempfile.TemporaryDirectory(prefix="regard-milvus-", ignore_cleanup_errors=True))
        )
        try:
            server = end.enter_context(running(folder))
        except (ImportError, OSError, RuntimeError) as error:
            reason = f"{_MISSING} ({error})"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
        yield server


@contextmanager
def running(folder: Path) -> Iterator[MilvusServer]:
    """A server whose data lie in `folder`, stopped at the end."""
    server = prepared(folder)
    try:
        server.start()
        server.wait()
        yield server
    finally:
        server.stop()


def prepared(folder: Path) -> MilvusServer:
    """Unpacked and configured, for ports that are free; it does not run yet."""
    import milvus as wheel  # noqa: PLC0415 - large, and not everybody has it

    config = wheel.MilvusServerConfig(data_dir=str(folder))
    wanted = [name for name in config.configurable_items if name.endswith("_port")]
    *ports, metrics, peers = _free_ports(len(wanted) + 2)
    chosen = dict(zip(wanted, ports, strict=True))
    config.update(**chosen)
    config.set("authorization_enabled", True)
    config.set("common.session.ttl", _MOURNING)
    config.set("proxy.timeTickInterval", _TICK_MS)
    config.resolve()
    wheel._initialize_data_files(str(folder))
    etcd = folder / "etcd.yaml"
    etcd.write_text(_ETCD.format(clients=chosen["etcd_port"], peers=peers), encoding="utf-8")
    environment = {
        **os.environ,
        "DEPLOY_MODE": "STANDALONE",
        "ETCD_CONFIG_PATH": str(etcd),
        "LD_LIBRARY_PATH": str(folder / "bin"),
        "METRICS_PORT": str(metrics),
        "MILVUS_RUN_DIR": str(folder / "run"),
    }
    return MilvusServer(folder, chosen["proxy_port"], environment)


def _free_ports(number: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
