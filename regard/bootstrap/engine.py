"""The engine of a server, composed once. It closes what it opened, in reverse order, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

from regard.accountability.access_keys import AccessKeys
from regard.accountability.cases import Cases
from regard.accountability.first_run import FirstRun
from regard.accountability.gate import Gate
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.profile_choice import ProfileChoice
from regard.accountability.reviews import Reviews
from regard.bootstrap.accountability import access_keys, first_run, gate
from regard.bootstrap.cases import case_doors
from regard.bootstrap.curation import CurationDoors, curation_doors
from regard.bootstrap.folders import folder_indexing, folder_runs
from regard.bootstrap.galleries import (
    celebrities,
    enrolment,
    face_search,
    galleries,
    keeping_of,
    matcher_of,
    now,
    user_search,
    users,
)
from regard.bootstrap.home import keep_private
from regard.bootstrap.indexes import embedded_feeds, index_sync
from regard.bootstrap.jobs import JobDoors, job_doors
from regard.bootstrap.keeping import Keeping, sweep_in_the_background
from regard.bootstrap.ledger import open_ledger
from regard.bootstrap.memory import models_share, object_memory, picture_memory
from regard.bootstrap.models import face_models, model_loader, open_zoo
from regard.bootstrap.profile_changes import installed
from regard.bootstrap.profile_setting import profile_choice
from regard.bootstrap.reports import evaluation
from regard.bootstrap.spare_memory import share_one_heap
from regard.bootstrap.stores import Stores, blob_store, open_stores
from regard.bootstrap.telemetry import instruments
from regard.bootstrap.threads import limit_blas_threads, take_turns_quickly
from regard.config.settings import Settings
from regard.domain.installed_profile import InstalledProfile
from regard.domain.reporting import Progress
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.face_comparison import FaceComparison
from regard.engine.analysis.face_detection import FaceDetection
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.label_analyzer import LabelAnalyzer
from regard.engine.analysis.label_detection import LabelDetection
from regard.engine.analysis.memory_budget import MemoryBudget
from regard.engine.analysis.moderation_analyzer import Moderation
from regard.engine.analysis.probes import ProbeReader
from regard.engine.analysis.protective_equipment import ProtectiveEquipment
from regard.engine.analysis.stored_objects import StoredObjects
from regard.engine.analysis.text_analyzer import TextDetection
from regard.engine.bulk.folder_runs import FolderRuns
from regard.engine.bulk.media_jobs import MediaJobs
from regard.engine.bulk.picture_evaluation import PictureEvaluation
from regard.engine.galleries.celebrities import Celebrities
from regard.engine.galleries.enrolment import Enrolment
from regard.engine.galleries.face_search import FaceSearch
from regard.engine.galleries.gallery import Galleries
from regard.engine.galleries.subject_access import SubjectAccess
from regard.engine.galleries.user_search import UserSearch
from regard.engine.galleries.user_vectors import Users
from regard.engine.transfer.index_migration import IndexMigration
from regard.engine.transfer.integrity import IndexCheck
from regard.engine.video.video_jobs import VideoJobs
from regard.errors import ModelUnavailable
from regard.files import make_folder
from regard.media.blobs import Buckets
from regard.sync.follower import Follower
from regard.sync.index_sync import IndexSync
from regard.telemetry.instruments import Instruments
from regard.telemetry.metrics import Metrics
from regard.telemetry.recent_load import RecentLoad
from regard.vision.faces.face_model import KnownModels
from regard.vision.images.image_models import ImageModels
from regard.vision.images.moderation import ModerationModels
from regard.vision.images.text_models import TextModels
from regard.vision.model_loader import ModelLoader
from regard.vision.models import FaceModels
from regard.vision.zoo import Zoo

#: How often an index looks for what other processes wrote, so that it keeps no file of what they deleted.
_FOLLOW_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Everything, with the index filled from SQL. The wire and commands use its doors; the doors use `stores` and
    `index_sync`."""

    settings: Settings
    gate: Gate
    ledger: Ledger
    zoo: Zoo
    models: FaceModels
    evaluation: PictureEvaluation
    known_models: KnownModels
    stores: Stores
    index_sync: IndexSync
    access_keys: AccessKeys
    first_run: FirstRun
    profile_choice: ProfileChoice
    detection: FaceDetection
    comparison: FaceComparison
    labels: LabelDetection
    equipment: ProtectiveEquipment
    galleries: Galleries
    enrolment: Enrolment
    folder_runs: FolderRuns
    face_search: FaceSearch
    users: Users
    user_search: UserSearch
    curation: CurationDoors
    cases: Cases
    reviews: Reviews
    subjects: SubjectAccess
    index_check: IndexCheck
    migration: IndexMigration
    keeping: Keeping
    celebrities: Celebrities
    moderation: Moderation
    text: TextDetection
    video_jobs: VideoJobs
    media_jobs: MediaJobs
    stored_objects: StoredObjects
    jobs: JobDoors
    metrics: Metrics
    recent_load: RecentLoad
    instruments: Instruments

    def installed_profile(self) -> InstalledProfile | None:
        """What the database says of the profile in force."""
        return installed(self.stores)

    def faces_held(self) -> int:
        """How many faces all collections have together."""
        return sum(size for _, size in self.stores.collections.with_sizes())

    def load_models(self) -> list[str]:
        """Load the default models and those of the collections there are, so that the first request does not wait.

        Returns, in words, which collections' models cannot be used: the others are served. Raises ModelUnavailable for
        a default one.
        """
        self.models.load()
        faults = []
        for version in self.stores.collections.face_models():
            try:
                self.models.embedder(version)
            except ModelUnavailable as error:
                faults.append(f"Collections of the face model {version} cannot be searched: {error.message}.")
        return faults


@contextmanager
def open_engine(settings: Settings, progress: Progress | None = None) -> Iterator[Engine]:
    """The database, the index filled from it, and the models, each loaded when it is first needed."""
    _share_the_machine()
    with ExitStack() as closing:
        metrics, recent_load, together = instruments(settings, closing)
        blobs = blob_store(settings)  # first: it may refuse the settings, before anything is created
        keep_private(settings.home)
        make_folder(settings.buckets_folder)
        stores = open_stores(settings, closing)
        ledger = open_ledger(settings, stores, closing)
        sync = _filled_index(settings, stores, metrics, closing, progress)
        sight = _sight(settings, blobs, together)  # now that the index has the memory it needs
        loader, analyzer = sight.loader, sight.analyzer
        probes, matcher = ProbeReader(loader, analyzer), matcher_of(settings, stores, sync)
        labeller, reviewing = LabelAnalyzer(ImageModels(sight.packs), sight.models), case_doors(settings, stores)
        entrance = gate(settings, ledger, lambda: nullcontext(stores.database))
        kept = keeping_of(settings, stores, matcher)
        sweep_in_the_background(kept, entrance, stores, closing)
        runs = folder_runs(settings, folder_indexing(stores, matcher, reviewing), entrance, analyzer, sight.memory)
        yield Engine(
            settings=settings,
            gate=entrance,
            ledger=ledger,
            zoo=sight.zoo,
            models=sight.models,
            evaluation=evaluation(stores, matcher.models, analyzer, sight.memory),
            known_models=matcher.models,
            stores=stores,
            index_sync=sync,
            access_keys=access_keys(settings, stores),
            first_run=first_run(stores),
            profile_choice=profile_choice(settings, stores, entrance.enrolments),
            detection=FaceDetection(loader, analyzer),
            comparison=FaceComparison(probes, matcher.models.default),
            galleries=galleries(stores, matcher, reviewing),
            labels=LabelDetection(loader, labeller),
            equipment=ProtectiveEquipment(loader, labeller, sight.models),
            enrolment=enrolment(stores, loader, analyzer, matcher, reviewing),
            folder_runs=closing.enter_context(runs),
            face_search=face_search(stores, matcher, probes, reviewing),
            users=users(stores, matcher, reviewing),
            user_search=user_search(stores, matcher, probes, reviewing),
            curation=curation_doors(stores, matcher, reviewing),
            subjects=SubjectAccess(stores.database, kept.receipts, matcher, probes, now),
            cases=reviewing.cases,
            reviews=reviewing.reviews,
            index_check=IndexCheck(sync),
            migration=IndexMigration(stores.collections, stores.moves, sync.shared),
            keeping=kept,
            celebrities=celebrities(settings, stores, matcher, probes),
            moderation=sight.moderation,
            video_jobs=VideoJobs(blobs, stores.collections, sight.packs),
            media_jobs=MediaJobs(blobs, sight.moderation),
            stored_objects=StoredObjects(blobs, loader),
            text=TextDetection(loader, TextModels(sight.packs)),
            jobs=job_doors(settings, stores, metrics),
            metrics=metrics,
            recent_load=recent_load,
            instruments=together,
        )


def _share_the_machine() -> None:
    """Threads, turns and memory of this process as suits many requests at once."""
    limit_blas_threads()
    take_turns_quickly()
    share_one_heap()


def _filled_index(
    settings: Settings, stores: Stores, metrics: Metrics, closing: ExitStack, progress: Progress | None
) -> IndexSync:
    """The index with everything that SQL has, which goes on following it."""
    feeds = embedded_feeds(settings, stores, closing)
    sync = index_sync(settings, stores, feeds, closing)
    for feed in feeds:
        metrics.show_index(feed.table.feed, feed.index)
    sync.rebuild(progress)
    closing.enter_context(Follower(sync.catch_up, _FOLLOW_SECONDS))
    return sync


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """Models, each loaded when it is first needed, and pictures read into the memory that there is for them."""

    zoo: Zoo
    models: FaceModels
    packs: ModelLoader
    analyzer: FaceAnalyzer
    loader: ImageLoader
    memory: MemoryBudget
    moderation: Moderation


def _sight(settings: Settings, blobs: Buckets, together: Instruments) -> _Sight:
    memory, zoo = picture_memory(settings), open_zoo(settings)
    takes = models_share(settings, memory)
    models, packs = face_models(settings, zoo, together, takes), model_loader(settings, zoo, together, takes)
    loader = ImageLoader(blobs, memory, object_memory(memory))
    return _Sight(
        zoo=zoo,
        models=models,
        packs=packs,
        analyzer=FaceAnalyzer(models, together),
        loader=loader,
        memory=memory,
        moderation=Moderation(loader, ModerationModels(packs)),
    )
