"""What bulk enrolment opens: the store without an index, and workers with the models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from regard import app, config
from regard.config import Settings
from regard.domain import Collection, FloatArray, Hits
from regard.engine.analyzer import Analyzer
from regard.engine.examiner import Bounds, Examiner
from regard.engine.gallery import Gallery
from regard.engine.ray_workers import RayCluster
from regard.engine.worker_process import WorkerProcess
from regard.engine.workforce import ThisProcess, Workforce
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.source_rows import SourceRows
from regard.vision.face_models import FaceModels
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
    sources: SourceRows


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
        yield Register(database=opened, gallery=gallery, sources=SourceRows(opened))
    finally:
        opened.close()


def examiner(settings: Settings, bounds: Bounds) -> Examiner:
    """What a worker of this machine works with."""
    app.one_thread_a_product()
    models = _models(settings)
    return Examiner(Analyzer(models), models.embedder().version, bounds)


def examiner_elsewhere(detector: str, embedder: str, threads: int, bounds: Bounds) -> Examiner:
    """What a worker works with on another machine, whose own settings say where its models are."""
    return examiner(config.load(detector=detector, embedder=embedder, threads=threads), bounds)


def processes_for(settings: Settings, photos: int) -> int:
    """How many processes are best: one for each core, or each `threads` cores; for a few photographs this one."""
    return 1 if photos < FEW else max(1, cores() // (settings.threads or 1))


@contextmanager
def workforce(settings: Settings, bounds: Bounds, processes: int) -> Iterator[Workforce]:
    """Workers on this machine, ready to begin: this process with all cores, or several that share them out."""
    if processes == 1:
        mine = examiner(settings, bounds)
        team = Workforce(lambda: ThisProcess(mine), _ABREAST, "1 process")
    else:
        share = replace(settings, threads=settings.threads or max(1, cores() // processes))
        team = Workforce(partial(WorkerProcess, partial(examiner, share, bounds)), processes, f"{processes} processes")
    with team:
        yield team


@contextmanager
def ray_workforce(settings: Settings, bounds: Bounds, address: str, workers: int | None) -> Iterator[Workforce]:
    """Workers on the machines of a Ray cluster, ready to begin: `workers`, or as many as it has cores for."""
    threads = settings.threads or 1
    cluster = RayCluster(address, threads=threads, face_model=_models(settings).embedder().version)
    try:
        prepare = partial(examiner_elsewhere, settings.detector, settings.embedder, threads, bounds)
        count = workers or cluster.room
        with Workforce(partial(cluster.worker, prepare), count, f"{count} workers of the cluster") as team:
            yield team
    finally:
        cluster.close()


def _models(settings: Settings) -> FaceModels:
    return FaceModels(
        app.zoo(settings), detector=settings.detector, embedder=settings.embedder, threads=settings.threads
    )
