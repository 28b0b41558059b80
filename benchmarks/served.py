"""A real `regard serve` in a process and a home of its own, and what it holds: memory, descriptors, files."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from benchmarks.material import MODELS

_ENDPOINT = re.compile(rb"http://127\.0\.0\.1:(\d+)")
#: The soft limit that a login or a service gives a process; the server may raise it.
DESCRIPTORS = 1024
_START_SECONDS, _END_SECONDS = 120.0, 60.0


@dataclass(frozen=True)
class Key:
    """An access key of the server's."""

    access_key_id: str
    secret: str


@dataclass(frozen=True)
class Gauge:
    """What the server and its children hold at one moment; `seconds` are those since the first."""

    seconds: float
    rss_mb: float
    descriptors: int
    threads: int
    cpu_seconds: float
    database_mb: float
    wal_mb: float
    index_files: int
    index_mb: float
    log_mb: float

    @staticmethod
    def names() -> list[str]:
        return [field.name for field in fields(Gauge)]

    def values(self) -> list[str]:
        return [f"{value:.2f}" if isinstance(value, float) else str(value) for value in astuple(self)]


@dataclass(frozen=True)
class Served:
    """The running server. Its output is in `log`."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    began: float

    def gauge(self) -> Gauge:
        """Raises OSError if the server has ended."""
        pids = family(self.process.pid)
        index = [size(file) for file in files_below(self.home / "index")]
        return Gauge(
            seconds=time.monotonic() - self.began,
            rss_mb=sum(map(resident, pids)) / 1e6,
            descriptors=sum(entries(f"/proc/{pid}/fd") for pid in pids),
            threads=sum(entries(f"/proc/{pid}/task") for pid in pids),
            cpu_seconds=sum(map(processor_seconds, pids)),
            database_mb=size(self.home / "regard.db") / 1e6,
            wal_mb=size(self.home / "regard.db-wal") / 1e6,
            index_files=len(index),
            index_mb=sum(index) / 1e6,
            log_mb=size(self.log) / 1e6,
        )

    def tracebacks(self) -> int:
        with self.log.open("rb") as lines:
            return sum(line.startswith(b"Traceback") for line in lines)


@contextmanager
def served(home: Path, log: Path, settings: dict[str, str] | None = None) -> Iterator[Served]:
    """Ready for the while. `settings` are environment variables of the server's. Ctrl-C does not reach it."""
    command = [sys.executable, "-m", "regard", "serve", "--home", str(home), "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=_environment() | (settings or {}), start_new_session=True
        )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))
    try:
        yield Served(home, _port(process, log), process, log, time.monotonic())
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def new_keys(home: Path, count: int) -> list[Key]:
    """Access keys made by `regard keys create`."""
    command = [sys.executable, "-m", "regard", "keys", "create", "--home", str(home), "--json"]
    made = []
    for _ in range(count):
        done = subprocess.run(command, check=True, capture_output=True, env=_environment())
        key = json.loads(done.stdout)
        made.append(Key(key["AccessKeyId"], key["SecretAccessKey"]))
    return made


def processor() -> str:
    """The processor's name and how many cores this process may use."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else 'unknown processor'}, {len(os.sched_getaffinity(0))} cores"


def entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def busy_seconds() -> float:
    """What all processors of the machine have worked since it was started, for anyone."""
    user, nice, system, _, _, interrupt, soft = Path("/proc/stat").read_text(encoding="ascii").split()[1:8]
    return sum(map(int, (user, nice, system, interrupt, soft))) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
                found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def resident(pid: int) -> int:
    """Resident memory in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def processor_seconds(pid: int) -> float:
    """Of user and system, as far as the process used them itself."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def size(file: Path) -> int:
    """In bytes; 0 if there is no such file."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def files_below(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if found := _ENDPOINT.search(log.read_bytes()):
            return int(found[1])
        time.sleep(0.1)
    process.kill()
    raise SystemExit(f"The server did not start: {log.read_text(encoding='utf-8', errors='replace')}")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGARD_")}
    return kept | {"REGARD_MODELS_FOLDER": str(MODELS), "PYTHONUNBUFFERED": "1"}
