"""Where tests write: in memory, where there is room for it. Databases reach a disk thousands of times in a run, and no
test takes the machine's power away."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from regard.bootstrap.memory import bytes_left

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of our own in it
#: Bytes that must be left: what two workers and their servers take, what they write, and as much again.
ROOM = 12 << 30


def in_memory() -> None:
    """Make temporary files there from now on, those of processes that are started too, unless TMPDIR names a place."""
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def _has_room() -> bool:
    """A file system in memory may promise more than the machine, or our part of it, has."""
    return os.access(MEMORY, os.W_OK | os.X_OK) and min(shutil.disk_usage(MEMORY).free, bytes_left()) >= ROOM
