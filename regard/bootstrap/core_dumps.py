"""No core dumps: a dump of this process would be a file with faces and keys in it."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def limit_core_dumps() -> None:
    """From now on the kernel writes no dump of this process, nor of those that it starts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def forbid_core_dumps() -> None:
    """As `limit_core_dumps`; nor is one piped to a collector, which knows no limit, and other processes of the same
    user cannot read this one's memory. Processes that it starts begin without that."""
    limit_core_dumps()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
