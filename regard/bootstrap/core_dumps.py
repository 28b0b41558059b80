"""No core dumps: a dump of this process would be a file with faces and keys in it."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def forbid_core_dumps() -> None:
    """From now on this process leaves no dump, whatever ends it, and others of the same user cannot read its memory.

    Processes that it starts inherit the limit, and call this for the rest of it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # a dump that is piped to a collector knows no limit
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
