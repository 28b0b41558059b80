"""Those who do jobs: processes beside a server or of `regard worker`, or on the machines of a Ray cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from itertools import repeat

from regard.accountability.ledger.ledger import Ledger
from regard.bootstrap.accountability import gate
from regard.bootstrap.core_dumps import forbid_core_dumps
from regard.bootstrap.engine import Engine
from regard.bootstrap.jobs import deliveries, endings
from regard.bootstrap.spare_memory import keep_what_is_made, share_one_heap
from regard.bootstrap.stores import Stores, open_stores
from regard.bootstrap.tasks import tasks
from regard.bootstrap.threads import limit_blas_threads
from regard.config.settings import Settings
from regard.engine.jobs.chunk_work import ChunkWork
from regard.engine.jobs.dispatcher import Dispatcher
from regard.engine.work.ray_pool import RayCluster
from regard.engine.work.worker_pool import WorkerPool
from regard.engine.work.worker_process import WorkerProcess
from regard.errors import SettingsError

#: Leases are renewed this often in the time that they hold.
_BEATS = 4
#: How long an actor of a cluster works before it is asked to go on.
_SHIFT_SECONDS = 60.0


@contextmanager
def working_on_jobs(engine: Engine) -> Iterator[None]:
    """While the block lasts, jobs are done beside the server, and those who are to be told are told."""
    with _working(engine.settings, engine.stores, engine.settings.jobs.workers):
        yield


@contextmanager
def job_workers(settings: Settings, processes: int) -> Iterator[None]:
    """The same without a server."""
    with ExitStack() as closing:
        stores = open_stores(settings, closing)
        closing.enter_context(_working(settings, stores, processes))
        yield


@contextmanager
def _working(settings: Settings, stores: Stores, processes: int) -> Iterator[None]:
    start = partial(WorkerProcess, partial(chunk_work, settings))
    with deliveries(settings, stores), Dispatcher(endings(settings, stores), start, processes):
        yield


def chunk_work(settings: Settings) -> ChunkWork:
    """What does chunks, in a process that does nothing else: its end closes what this opens."""
    forbid_core_dumps()
    limit_blas_threads()
    share_one_heap()
    closing = ExitStack()
    stores = open_stores(settings, closing)
    ledger = Ledger(lambda: nullcontext(stores.database))
    work = ChunkWork(
        tasks(settings, stores, closing),
        gate(settings, ledger, lambda: nullcontext(stores.database)),
        stores.database,
        endings(settings, stores),
        beat_seconds=settings.jobs.lease_seconds / _BEATS,
    )
    keep_what_is_made()
    return work


class Shift:
    """What an actor of a Ray cluster does: the loop of `regard worker`, with one process.

    It goes on between calls, which only let the driver see whether it is there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._begun: ExitStack | None = None

    def try_out(self) -> None:
        """Raises SettingsError if the database cannot be reached from here."""
        with ExitStack() as closing:
            open_stores(self._settings, closing)

    def __call__(self, seconds: Sequence[float], /) -> Sequence[float]:
        if self._begun is None:
            self._begun = ExitStack()  # which the end of the actor's process closes
            self._begun.enter_context(job_workers(self._settings, 1))
        for each in seconds:
            time.sleep(each)
        return seconds


def work_on_cluster(settings: Settings, address: str, workers: int | None) -> None:
    """Keep `workers` actors at work on the cluster, or as many as it has cores for, until interrupted; one that is lost
    is replaced. Raises SettingsError if there is no such cluster, or the database is not one that it can reach."""
    if not settings.database_url.startswith("postgresql"):
        raise SettingsError("Workers on other machines need PostgreSQL: set [store] database to one they can reach.")
    cluster = RayCluster(address, cores=settings.models.threads or 1)
    try:
        count = workers or cluster.capacity
        start = partial(cluster.start, partial(Shift, settings), float)
        with WorkerPool(start, count, lost=lambda seconds, _: seconds, name=f"{count} workers of the cluster") as pool:
            for _ in pool.run([_SHIFT_SECONDS] for _ in repeat(None)):
                pass
    finally:
        cluster.close()
