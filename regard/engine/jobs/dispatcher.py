"""Gives the chunks there are to do to workers, which may die: a thread for each waits for it, and sees what it does."""

from __future__ import annotations

import logging
import secrets
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from regard.engine.jobs.endings import Endings
from regard.engine.jobs.queue import MOST_JOBS
from regard.engine.work.worker_pool import Worker, WorkerLost
from regard.errors import InternalServerError, RegardError
from regard.store.claim_rows import Claim

log = logging.getLogger(__name__)

#: How often it is looked for work, and what is done after a fault of the database.
LOOK_SECONDS, _FAULT_SECONDS = 0.5, 5.0
#: A worker without work is ended after this time: its models take memory.
_IDLE_SECONDS = 300.0
#: A chunk that ended so many workers from outside, as the system does when memory runs out, is given up.
_MOST_LOST = 10
#: Signals that come from outside of a process; any other is its own doing.
_FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})

JobWorker = Worker[Claim, None]


@dataclass(eq=False)
class _Place:
    """One worker, and what it is at."""

    worker: JobWorker | None = None
    claims: Sequence[Claim] = ()
    since: float = 0.0
    hangs: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Dispatcher:
    """Up to `count` workers, each made by `start` when there is work. Used as a context: the workers end with it, and
    what they were at goes back at once.

    A video that ends its worker is tried again alone, then failed; so is one whose worker beats no more.
    """

    def __init__(
        self, endings: Endings, start: Callable[[], JobWorker], count: int, *, idle_seconds: float = _IDLE_SECONDS
    ) -> None:
        self._endings = endings
        self._claims = endings.claims
        self._start = start
        self._idle_seconds = idle_seconds
        self._owner = secrets.token_hex(8)
        self._turn = threading.Lock()
        self._left = threading.Event()
        self._places = [_Place() for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._work_on, args=(place,), name="job dispatcher", daemon=True)
            for place in self._places
        ]
        self._threads.append(threading.Thread(target=self._watch_on, name="job watch", daemon=True))

    def __enter__(self) -> Dispatcher:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._left.set()
        for place in self._places:
            _end(place)
        for thread in self._threads:
            thread.join()

    def _work_on(self, place: _Place) -> None:
        # Ctrl-C is for the main thread; what this one starts ignores it too, and is ended.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while not self._left.is_set():
            try:
                self._step(place)
            except RegardError as error:
                log.warning("Jobs wait: %s", error.message)
                self._left.wait(_FAULT_SECONDS)
        _end(place)

    def _step(self, place: _Place) -> None:
        """Do one chunk, or wait a little."""
        if not self._waiting():
            if place.worker is not None and time.monotonic() - place.since > self._idle_seconds:
                _end(place)
            self._left.wait(LOOK_SECONDS)
            return
        worker = place.worker or self._hire(place)
        if worker is None:
            return
        with self._turn:
            claims = self._claims.claim(self._owner, MOST_JOBS)
        claims = [each for each in claims if not self._gave_up(each)]
        if not claims:
            self._left.wait(LOOK_SECONDS)
            return
        place.claims, place.since = claims, time.monotonic()
        try:
            worker(claims)
        except WorkerLost as lost:
            _end(place)
            outside = lost.signal in _FROM_OUTSIDE and not place.hangs
            self._lost(claims, str(lost), outside=outside)
        finally:
            place.claims, place.since, place.hangs = (), time.monotonic(), False

    def _waiting(self) -> bool:
        """Whether there may be work. One thread looks for all."""
        with self._turn:
            return not self._left.is_set() and self._claims.any()

    def _hire(self, place: _Place) -> JobWorker | None:
        """A worker that is ready. Raises RegardError if none can be."""
        with place.lock:
            if self._left.is_set():
                return None
            place.worker = worker = self._start()
            place.since = time.monotonic()
        try:
            worker.wait_until_ready()
        except (WorkerLost, OSError) as error:
            _end(place)
            raise InternalServerError(f"A worker for jobs could not be started. {error}") from error
        except RegardError:
            _end(place)
            raise
        return worker

    def _lost(self, claims: Sequence[Claim], why: str, *, outside: bool) -> None:
        for claim in claims:
            if self._left.is_set():
                self._claims.give_back(claim)
            elif claim.alone and not outside:
                self._endings.fail(claim.job, f"It ended the process that worked on it, twice. {why}")
            else:
                log.warning("A worker ended in the middle of the job %s. %s", claim.job.id, why)
                self._claims.ended_its_worker(claim)

    def _gave_up(self, claim: Claim) -> bool:
        if claim.lost < _MOST_LOST:
            return False
        self._endings.fail(claim.job, f"Its worker was lost {claim.lost} times in the same place.")
        return True

    def _watch_on(self) -> None:
        """End workers whose leases have lapsed: they hang.

        All have lapsed where the machine slept or its clock was set forward: then there is time to renew them until the
        next look.
        """
        step, clock = self._claims.lease / 2, self._endings.clock
        while not self._left.is_set():
            before = clock()
            if self._left.wait(step.total_seconds()) or clock() - before > 2 * step:
                continue
            for place in self._places:
                claims = place.claims
                with suppress(RegardError):
                    if claims and self._claims.lapsed(claims):
                        log.warning("A worker does not go on with the job %s, and is ended.", claims[0].job.id)
                        place.hangs = True
                        _end(place)


def _end(place: _Place) -> None:
    with place.lock:
        worker, place.worker = place.worker, None
    if worker is not None:
        worker.end()
