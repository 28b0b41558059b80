"""File descriptors: as many as the system allows, and how many connections they are enough for."""

from __future__ import annotations

import logging
import os
import resource

log = logging.getLogger(__name__)

#: More is no use to one process, and some systems have no bound at all.
_MOST_DESCRIPTORS = 65_536
#: So few are a system's usual soft limit: with them the hard limit has not been raised either.
_FEW_DESCRIPTORS = 1024
#: Kept back for the database, files that requests open, and connections that are accepted but not yet counted.
_RESERVE = 192
_FEWEST_CONNECTIONS = 16


def raise_limit() -> int:
    """Raise this process's soft limit of descriptors to its hard limit, up to 65,536; the limit from then on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = [_MOST_DESCRIPTORS if each == resource.RLIM_INFINITY else each for each in (soft, hard)]
    soft, wanted = limits[0], min(limits[1], _MOST_DESCRIPTORS)
    if soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def connections(wanted: int, limit: int) -> int:
    """How many connections a process may have open under a `limit` of descriptors: `wanted`, or as many as fit.

    Call it once everything else is open. A low limit is said in the log.
    """
    taken = len(os.listdir("/dev/fd"))  # noqa: PTH208 - names are all that is needed
    fit = max(limit - taken - min(_RESERVE, limit // 4), _FEWEST_CONNECTIONS)
    if limit <= _FEW_DESCRIPTORS:
        log.warning(
            "This process may have only %d files and connections open: at most %d connections. Raise the limit with "
            "`ulimit -Hn`, or with LimitNOFILE in a systemd unit",
            limit,
            min(wanted, fit),
        )
    return min(wanted, fit)
