"""Indexing folders of this machine beside a server, with the models that it has loaded."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from regard.accountability.gate import Gate
from regard.bootstrap.cases import CaseDoors
from regard.bootstrap.galleries import enroller
from regard.bootstrap.loopback import is_loopback
from regard.bootstrap.stores import Stores
from regard.config.sections import split
from regard.config.settings import Settings
from regard.domain.galleries import Collection
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.memory_budget import MemoryBudget
from regard.engine.analysis.photo_batches import Bounds, PhotoAnalyzer, ended_its_worker
from regard.engine.bulk.folder_indexing import FolderIndexing, PhotoPool
from regard.engine.bulk.folder_runs import FolderRuns
from regard.engine.bulk.open_folders import OpenFolders
from regard.engine.galleries.collection_models import embedding_for
from regard.engine.galleries.matching import Matcher
from regard.engine.work.this_process import ThisProcess
from regard.engine.work.worker_pool import WorkerPool


def folder_indexing(stores: Stores, matcher: Matcher, reviewing: CaseDoors) -> FolderIndexing:
    return FolderIndexing(
        collections=stores.collections,
        enroller=enroller(stores, matcher, reviewing),
        indexed_files=stores.indexed_files,
    )


def folder_runs(
    settings: Settings, folders: FolderIndexing, gate: Gate, analyzer: FaceAnalyzer, memory: MemoryBudget
) -> FolderRuns:
    """One thread, so that those who search do not wait for those who enrol."""

    def pool(collection: Collection, most: int) -> AbstractContextManager[PhotoPool]:
        of_its_model = embedding_for(collection, analyzer.using)
        worker = ThisProcess(PhotoAnalyzer(of_its_model, Bounds(most=most), memory))
        return WorkerPool(lambda: worker, 1, lost=ended_its_worker, name="1 thread")

    return FolderRuns(folders, gate, pool, OpenFolders(open=_open(settings), home=settings.home))


def _open(settings: Settings) -> tuple[Path, ...]:
    if named := split(settings.server.folders):
        return tuple(Path(each).expanduser() for each in named)
    return (Path.home(),) if is_loopback(settings.server.host) else ()
