"""What bulk enrolment opens: the store without an index, and workers with the models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from regard import app
from regard.config.settings import Settings, load_settings
from regard.domain.arrays import FloatArray
from regard.domain.galleries import Collection, Hits
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.photo_batches import Bounds, PhotoAnalyzer
from regard.engine.galleries.gallery import Gallery
from regard.engine.work.ray_pool import RayCluster
from regard.engine.work.worker_pool import ThisProcess, WorkerPool
from regard.engine.work.worker_process import WorkerProcess
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.indexed_file_rows import IndexedFileRows
from regard.vision.models import FaceModels
from regard.vision.session import cores

#: Fewer photographs than this are done before other processes would have started and loaded their models.
FEW = 200
#: Threads of the one process: while the models run for one batch, the next is decoded.
_ABREAST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Where faces are enrolled. Its gallery has no index: every server follows the database by itself."""

    database: Database
    gallery: Gallery
    sources: IndexedFileRows


class _NoFollower:
    def follow(self, _: Collection, /) -> None:
        """There is no index to bring up to date."""

    def search_faces(self, _: int, __: FloatArray, /, *, limit: int, threshold: float) -> list[Hits]:
        raise RuntimeError(f"nothing to search the {limit} best above {threshold} in")


@contextmanager
def register(settings: Settings) -> Iterator[Register]:
    """The store of these settings, ready at once however many faces it holds."""
    opened = database.open(settings.database_url)
    try:
        gallery = Gallery(
            collections=CollectionRows(opened, settings.index),
            faces=FaceRows(opened),
            follower=_NoFollower(),
            embedder=_models(settings).embedder,
            clock=lambda: datetime.now(UTC),
        )
        yield Register(database=opened, gallery=gallery, sources=IndexedFileRows(opened))
    finally:
        opened.close()


def photo_analyzer(settings: Settings, bounds: Bounds) -> PhotoAnalyzer:
    """What a worker of this machine works with."""
    app.limit_blas_threads()
    models = _models(settings)
    return PhotoAnalyzer(FaceAnalyzer(models), models.embedder().version, bounds)


def examiner_elsewhere(detector: str, embedder: str, threads: int, bounds: Bounds) -> PhotoAnalyzer:
    """What a worker works with on another machine, whose own settings say where its models are."""
    return photo_analyzer(load_settings(detector=detector, embedder=embedder, threads=threads), bounds)


def processes_for(settings: Settings, photos: int) -> int:
    """How many processes are best: one for each core, or each `threads` cores; for a few photographs this one."""
    return 1 if photos < FEW else max(1, cores() // (settings.threads or 1))


@contextmanager
def worker_pool(settings: Settings, bounds: Bounds, processes: int) -> Iterator[WorkerPool]:
    """Workers on this machine, ready to begin: this process with all cores, or several that share them out."""
    if processes == 1:
        mine = photo_analyzer(settings, bounds)
        team = WorkerPool(lambda: ThisProcess(mine), _ABREAST, "1 process")
    else:
        share = replace(settings, threads=settings.threads or max(1, cores() // processes))
        team = WorkerPool(
            partial(WorkerProcess, partial(photo_analyzer, share, bounds)), processes, f"{processes} processes"
        )
    with team:
        yield team


@contextmanager
def ray_workforce(settings: Settings, bounds: Bounds, address: str, workers: int | None) -> Iterator[WorkerPool]:
    """Workers on the machines of a Ray cluster, ready to begin: `workers`, or as many as it has cores for."""
    threads = settings.threads or 1
    cluster = RayCluster(address, threads=threads, face_model=_models(settings).embedder().version)
    try:
        prepare = partial(examiner_elsewhere, settings.detector, settings.embedder, threads, bounds)
        count = workers or cluster.room
        with WorkerPool(partial(cluster.worker, prepare), count, f"{count} workers of the cluster") as team:
            yield team
    finally:
        cluster.close()


def _models(settings: Settings) -> FaceModels:
    return FaceModels(
        app.zoo(settings), detector=settings.detector, embedder=settings.embedder, threads=settings.threads
    )
