"""How much memory there is for pictures: what the settings say, else what the machine or its control group leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from regard.bootstrap.spare_memory import give_back
from regard.config.settings import Settings
from regard.edge.body import LONGEST_BODY_BYTES
from regard.engine.analysis.image_loader import MOST_BYTES
from regard.engine.analysis.memory_budget import MemoryBudget

#: What the models take once they are loaded and have run, beside what a picture is charged: measured 196 MB.
MODELS_BYTES = 256 << 20
#: Pictures get this part of what is left; bodies of requests and a growing index get the rest.
_SHARE = 0.6
#: Less is of no use: a single photograph of 640×480 takes 98 MB.
_LEAST_BYTES = 128 << 20
#: What a worker process should have beside its models: enough for the largest PNG, and for nearly all others.
_WORKER_BYTES = 384 << 20
#: A control group without a limit says a number near 2^63 in version 1.
_UNLIMITED = 1 << 60
#: The machine's memory where it cannot be known.
_UNKNOWN_BYTES = 4 << 30


def picture_memory(settings: Settings, processes: int = 1) -> MemoryBudget:
    """The memory that all pictures together may take in one of `processes` that share it, its models not loaded yet."""
    return MemoryBudget(picture_bytes(settings, processes), make_room=give_back, least=_LEAST_BYTES)


def models_share(settings: Settings, memory: MemoryBudget) -> Callable[[int], None]:
    """What to tell when a model beyond the usual ones is loaded: pictures have that much less, unless the settings say
    what they have."""
    return memory.shrink if settings.server.memory is None else _not_counted


def object_memory(budget: MemoryBudget) -> MemoryBudget:
    """The memory for stored objects while they are worked on: a quarter of the pictures', and two of the largest."""
    return MemoryBudget(max(budget.total / 4, 2 * MOST_BYTES))


def _not_counted(_: int) -> None:
    """The settings say what pictures may take, whatever the models do."""


def body_bytes(settings: Settings) -> int:
    """What the bodies of requests that are on their way may have together, and those that wait for their turn."""
    return int(max(picture_bytes(settings) / 4, LONGEST_BODY_BYTES))


def picture_bytes(settings: Settings, processes: int = 1) -> int:
    """As `picture_memory`, in bytes."""
    if settings.server.memory is not None:
        return settings.server.memory // processes
    left = bytes_left() // processes - MODELS_BYTES
    return max(int(_SHARE * left), _LEAST_BYTES)


def processes_that_fit(settings: Settings) -> int:
    """How many workers have memory enough, one at least."""
    if settings.server.memory is not None:
        return max(1, settings.server.memory // _WORKER_BYTES)
    return max(1, bytes_left() // (MODELS_BYTES + _WORKER_BYTES))


def bytes_left(root: Path = Path("/")) -> int:
    """What this process may still take: of the machine's memory, and of its control group's and those above it."""
    found = [*_of_machine(root), *_of_group_v2(root), *_of_group_v1(root)]
    return max(0, min(found, default=_UNKNOWN_BYTES))


def _of_machine(root: Path) -> Iterator[int]:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) << 10


def _of_group_v2(root: Path) -> Iterator[int]:
    for folder in _folders(root, "", (root / "sys/fs/cgroup", root / "sys/fs/cgroup/unified")):
        yield from _left(folder, limit="memory.max", used="memory.current")


def _of_group_v1(root: Path) -> Iterator[int]:
    for folder in _folders(root, "memory", (root / "sys/fs/cgroup/memory",)):
        yield from _left(folder, limit="memory.limit_in_bytes", used="memory.usage_in_bytes")


def _folders(root: Path, controller: str, mounts: tuple[Path, ...]) -> Iterator[Path]:
    """The folder of this process's group and those above it; only the mount itself where it is a container's own."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, group = line.split(":", 2)
        if controller not in controllers.split(",") if controller else controllers:
            continue
        for mount in mounts:
            place = mount / group.lstrip("/")
            yield from (each for each in (place, *place.parents) if each.is_relative_to(mount) and each.is_dir())


def _left(folder: Path, *, limit: str, used: str) -> Iterator[int]:
    """The limit less what is used, but for files that the kernel can drop; nothing if there is no limit."""
    highest, taken = _number(folder / limit), _number(folder / used)
    if highest is None or taken is None or highest >= _UNLIMITED:
        return
    names = {"inactive_file", "active_file"}
    rows = (line.split() for line in _lines(folder / "memory.stat"))
    yield highest - taken + sum(int(row[1]) for row in rows if len(row) == 2 and row[0].removeprefix("total_") in names)


def _number(file: Path) -> int | None:
    """A file's number; None where there is no such file, or it says "max"."""
    text = next(iter(_lines(file)), "")
    return int(text) if text.strip().isdigit() else None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:  # there is none on this system, or in this container
        return []
