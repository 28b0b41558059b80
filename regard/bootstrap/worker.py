"""Workers that analyse photographs: in this process, in others on this machine, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TypeVar

from regard.bootstrap.core_dumps import forbid_core_dumps, limit_core_dumps
from regard.bootstrap.memory import picture_bytes, picture_memory, processes_that_fit
from regard.bootstrap.models import face_model, face_models
from regard.bootstrap.spare_memory import share_one_heap
from regard.bootstrap.threads import limit_blas_threads
from regard.config.settings import Settings, load_settings
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.face_finder import FaceFinder, lost
from regard.engine.analysis.photo_batches import Bounds, PhotoAnalyzer, ended_its_worker, with_content
from regard.engine.bulk.collection_remake import FinderPool
from regard.engine.bulk.folder_indexing import PhotoPool
from regard.engine.work.ray_pool import ray_pool
from regard.engine.work.this_process import ThisProcess
from regard.engine.work.worker_pool import Item, Processor, Result, WorkerPool
from regard.engine.work.worker_process import WorkerProcess
from regard.errors import SettingsError
from regard.vision.session import cores

T = TypeVar("T")

#: Fewer photographs than this are done before other processes could start and load their models.
ONE_PROCESS_PHOTOS = 200
#: Threads of the one process: while the models run for one batch, the next is decoded.
_DECODING_THREADS = 2


def photo_analyzer(settings: Settings, bounds: Bounds) -> PhotoAnalyzer:
    """The analyzer of a worker on this machine."""
    limit_blas_threads()
    share_one_heap()
    return PhotoAnalyzer(FaceAnalyzer(face_models(settings)), bounds, picture_memory(settings))


def face_finder(settings: Settings) -> FaceFinder:
    """What finds faces again in a worker on this machine."""
    limit_blas_threads()
    share_one_heap()
    return FaceFinder(FaceAnalyzer(face_models(settings)), picture_memory(settings))


def photo_analyzer_elsewhere(detector: str, embedder: str, threads: int, bounds: Bounds, version: str) -> PhotoAnalyzer:
    """The analyzer of a worker on another machine, whose own settings name the folder of its models.

    Raises SettingsError if that machine's embeddings are not those of the face model `version`.
    """
    settings = load_settings(models={"detector": detector, "embedder": embedder, "threads": threads})
    there = face_model(settings).version
    if there != version:
        raise SettingsError(
            f"A machine of the cluster makes embeddings of {there}, this one of {version}. Install the same version of "
            f"Regard and the same models on all machines."
        )
    limit_core_dumps()  # and no more: Ray watches the memory of its workers
    return photo_analyzer(settings.with_memory(picture_bytes(settings, max(1, cores() // threads))), bounds)


def processes_for(settings: Settings, photos: int) -> int:
    """How many processes to use: one for each core, or for each `threads` cores, but no more than there is memory for;
    for a few photographs only this one."""
    if photos < ONE_PROCESS_PHOTOS:
        return 1
    return min(max(1, cores() // (settings.models.threads or 1)), processes_that_fit(settings))


def local_pool(settings: Settings, bounds: Bounds, processes: int) -> AbstractContextManager[PhotoPool]:
    """Workers on this machine, ready to begin: this process with all cores, or several that share them."""
    return _local(settings, partial(photo_analyzer, bounds=bounds), processes, ended_its_worker)


def finder_pool(settings: Settings, processes: int) -> AbstractContextManager[FinderPool]:
    """As `local_pool`, of workers that find faces again."""
    return _local(settings, face_finder, processes, lost)


@contextmanager
def _local(
    settings: Settings,
    prepare: Callable[[Settings], Processor[Item, Result]],
    processes: int,
    lost: Callable[[Item, str], Result],
) -> Iterator[WorkerPool[Item, Result]]:
    if processes == 1:
        processor = prepare(settings)
        pool = WorkerPool(lambda: ThisProcess(processor), _DECODING_THREADS, lost=lost, name="1 process")
    else:
        share = settings.with_threads(settings.models.threads or max(1, cores() // processes))
        share = share.with_memory(picture_bytes(settings, processes))
        start = partial(WorkerProcess, partial(_of_its_own, prepare, share))
        pool = WorkerPool(start, processes, lost=lost, name=f"{processes} processes")
    with pool:
        yield pool


def _of_its_own(prepare: Callable[[Settings], T], settings: Settings) -> T:
    """What a process prepares that does nothing else."""
    forbid_core_dumps()
    return prepare(settings)


def cluster_pool(
    settings: Settings, bounds: Bounds, address: str, workers: int | None
) -> AbstractContextManager[PhotoPool]:
    """Workers on the machines of a Ray cluster, ready to begin: `workers`, or as many as it has cores for."""
    chosen = settings.models
    threads = chosen.threads or 1
    version = face_model(settings).version
    prepare = partial(photo_analyzer_elsewhere, chosen.detector, chosen.embedder, threads, bounds, version)
    return ray_pool(address, prepare, cores=threads, workers=workers, pack=with_content, lost=ended_its_worker)
