"""Whether any job has come, gone on or ended, for those who have a page open: asked of the database, where every
process tells how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

from regard.accountability.gate import Grant
from regard.accountability.permissions import PERMISSIONS
from regard.domain.authority import Action, Channel
from regard.engine.jobs.control import owner_of, sees_all
from regard.store.job_rows import JobRows

#: The route that lists jobs: whoever may take that is told.
_LISTED_BY = "GET /v1/jobs"
#: The database is asked once in so long, however many listen.
_LOOK_SECONDS = 0.5


@dataclass(slots=True, kw_only=True)
class JobsFollowing:
    """One who listens, and what the jobs were like when they heard last."""

    look: Callable[[], Any] = field(repr=False)
    wanted: bool
    seen: Any = None

    def changed(self) -> bool:
        """Whether anything has changed since they asked last."""
        if not self.wanted:
            return False
        before, self.seen = self.seen, self.look()
        return bool(before != self.seen)


class JobChanges:
    """Tells of changes. Thread-safe."""

    def __init__(self, rows: JobRows, ticks: Callable[[], float] = time.monotonic) -> None:
        self._rows = rows
        self._ticks = ticks
        self._lock = Lock()
        self._outline: Any = None
        self._looked_at: float | None = None

    def follow(self, grant: Grant) -> JobsFollowing:
        """Listen from now on."""
        grant.require_all(Action.READ)
        holder = grant.mandate.holder
        wanted = holder is None or bool(PERMISSIONS.roles(Channel.API, _LISTED_BY) & holder.roles)
        look = self._look if sees_all(grant) else partial(self._rows.outline, owner_of(grant))
        return JobsFollowing(look=look, wanted=wanted, seen=look() if wanted else None)

    def _look(self) -> Any:
        with self._lock:
            if self._looked_at is None or self._ticks() - self._looked_at >= _LOOK_SECONDS:
                self._outline, self._looked_at = self._rows.outline(), self._ticks()
            return self._outline
