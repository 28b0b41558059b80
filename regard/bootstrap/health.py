"""How this server fares, read when somebody asks: from its metrics, its folders and what is installed."""

from __future__ import annotations

import platform
import shutil
import socket
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from regard.bootstrap.engine import Engine
from regard.bootstrap.memory import bytes_left
from regard.bootstrap.models import FACES, chosen_packs
from regard.domain.health import Disk, Health, LoadSlot, Pack, Present
from regard.domain.jobs import JobState
from regard.telemetry.figures import Figures
from regard.vision.session import providers

#: What decides how fast and how rightly it works.
_LIBRARIES = ("regard", "onnxruntime", "onnxruntime-gpu", "numpy", "opencv-python-headless", "faiss-cpu", "SQLAlchemy")

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHealth:
    """Reads it anew each time; nothing is kept."""

    engine: Engine
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def whole(self) -> Health:
        engine, figures = self.engine, self.engine.metrics.figures()
        sizes = engine.stores.collections.with_sizes()
        return Health(
            host=socket.gethostname(),
            started_at=self.started_at,
            versions=dict(_versions(engine)),
            faults=self.faults(),
            collections=len(sizes),
            faces=sum(size for _, size in sizes),
            present=_present(figures),
            disks=_disks(engine),
            packs=_packs(engine),
            operations=figures.operations(),
            models=figures.models(),
        )

    def present(self) -> Present:
        """Only what changes from one second to the next."""
        return _present(self.engine.metrics.figures())

    def slots(self, after: int = 0) -> Sequence[LoadSlot]:
        return self.engine.recent_load.slots(after)

    def faults(self) -> list[str]:
        """What keeps it from being ready, in words; the same as /health/ready has."""
        engine = self.engine
        missing = [name for name in engine.models.names if name not in engine.zoo.installed]
        found = [f"Models are missing: {', '.join(missing)}. `regard models pull` fetches them."] if missing else []
        return found + [fault for fault in (engine.stores.database.fault(), engine.ledger.fault) if fault]


def _present(figures: Figures) -> Present:
    jobs = figures.by("regard_jobs", "state")
    return Present(
        waiting=figures.whole("regard_requests_waiting") or 0,
        running=figures.whole("regard_requests_running") or 0,
        resident=figures.whole("process_resident_memory_bytes"),
        memory_left=bytes_left(),
        cpu_seconds=figures.value("process_cpu_seconds_total"),
        open_files=figures.whole("process_open_fds"),
        most_files=figures.whole("process_max_fds"),
        indexes=figures.indexes(),
        jobs={str(state): int(jobs.get(str(state), 0)) for state in JobState},
        oldest_job_seconds=figures.value("regard_jobs_oldest_waiting_seconds") or 0.0,
        events_waiting=figures.whole("regard_job_events_waiting") or 0,
    )


def _versions(engine: Engine) -> Iterator[tuple[str, str]]:
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            yield name, version(name)
    yield "Python", platform.python_version()
    yield "database", _database(engine)
    yield "runs on", ", ".join(name.removesuffix("ExecutionProvider") for name in providers())
    yield "system", f"{platform.system()} {platform.release()}"


def _database(engine: Engine) -> str:
    return f"SQLite {sqlite3.sqlite_version}" if _file(engine) else "PostgreSQL"


def _file(engine: Engine) -> Path | None:
    """SQLite's file; None for another database."""
    address = engine.settings.database_url
    return Path(address.removeprefix(_SQLITE)) if address.startswith(_SQLITE) else None


def _disks(engine: Engine) -> list[Disk]:
    settings, file = engine.settings, _file(engine)
    places: Mapping[str, tuple[Path, int | None]] = {
        "database": (
            file.parent if file else settings.home,
            None if file is None else _taken(file.parent.glob(f"{file.name}*")),
        ),
        "index": (settings.home, _taken((settings.home / "index").rglob("*"))),
        "models": (settings.models_folder, _taken(settings.models_folder.glob("*"))),
        "objects": (settings.buckets_folder, None),
    }
    return [
        Disk(holds=name, taken=taken, free=room.free, size=room.total)
        for name, (place, taken) in places.items()
        for room in [shutil.disk_usage(_there(place))]
    ]


def _there(place: Path) -> Path:
    """The folder, or the nearest one above it that there is."""
    return next(each for each in (place, *place.parents) if each.is_dir())


def _taken(files: Iterator[Path]) -> int:
    """Bytes of files, of which any may go while they are counted."""
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.stat().st_size if file.is_file() else 0
    return total


def _packs(engine: Engine) -> list[Pack]:
    zoo = engine.zoo
    chosen = {FACES, *chosen_packs(engine.settings, zoo)}
    return [
        Pack(name=pack, models=zoo.pack(pack), missing=zoo.missing(pack), chosen=pack in chosen) for pack in zoo.packs
    ]
