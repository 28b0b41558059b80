"""The engine, composed once: a server, a command or a worker opens one of the contexts here.

Each closes what it opened, in reverse order, whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from regard.accountability.access_keys import AccessKeys
from regard.accountability.authorisations import Authorisations
from regard.accountability.authorised_credentials import AuthorisedCredentials
from regard.accountability.cases import Cases
from regard.accountability.enrolment_terms import EnrolmentTerms
from regard.accountability.gate import Gate, Grant
from regard.accountability.ledger.ledger import Ledger
from regard.accountability.ledger.ledger_access import LedgerAccess
from regard.accountability.ledger.ledger_resumption import LedgerResumption
from regard.accountability.people import People
from regard.accountability.reviews import Reviews
from regard.accountability.services import Services
from regard.accountability.sign_in_means import SignInMeans
from regard.accountability.standing import Standing
from regard.accountability.thresholds import Thresholds
from regard.bootstrap.accountability import (
    access_keys,
    authorised_credentials,
    gate,
    people,
    services,
    sign_in_means,
)
from regard.bootstrap.cases import CaseDoors, case_doors
from regard.bootstrap.home import keep_private
from regard.bootstrap.indexes import NoIndex, drop_embedded, embedded_feeds, erase_embedded, index_sync, shared_sync
from regard.bootstrap.keeping import Keeping, keeping, sweep_in_the_background
from regard.bootstrap.ledger import ledger_access, open_ledger
from regard.bootstrap.memory import models_share, object_memory, picture_memory
from regard.bootstrap.models import face_model, face_models, known_models, open_zoo
from regard.bootstrap.reports import Reports, evaluation, reports
from regard.bootstrap.spare_memory import share_one_heap
from regard.bootstrap.stores import Stores, blob_store, open_stores
from regard.bootstrap.telemetry import instruments
from regard.bootstrap.threads import limit_blas_threads, take_turns_quickly
from regard.config.settings import Settings
from regard.domain.authority import Action
from regard.domain.galleries import EMBEDDED, Collection
from regard.domain.reporting import Progress
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.face_comparison import FaceComparison
from regard.engine.analysis.face_detection import FaceDetection
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.analysis.probes import ProbeReader
from regard.engine.bulk.collection_remake import CollectionRemake
from regard.engine.bulk.folder_indexing import FolderIndexing
from regard.engine.bulk.picture_evaluation import PictureEvaluation
from regard.engine.galleries.enrolment import Enroller, Enrolment
from regard.engine.galleries.face_erasure import FaceErasure
from regard.engine.galleries.face_pictures import FacePictures
from regard.engine.galleries.face_search import FaceSearch
from regard.engine.galleries.gallery import Galleries
from regard.engine.galleries.matching import Index, Matcher
from regard.engine.galleries.reviewed_search import ReviewedSearch
from regard.engine.galleries.subject_access import SubjectAccess
from regard.engine.galleries.user_search import UserSearch
from regard.engine.galleries.user_vectors import Users
from regard.engine.transfer.collection_export import CollectionExport
from regard.engine.transfer.collection_import import CollectionImport
from regard.engine.transfer.index_migration import IndexMigration
from regard.engine.transfer.integrity import IndexCheck, Integrity
from regard.errors import InternalServerError, ModelUnavailable
from regard.files import make_folder
from regard.store.resumption_rows import ResumptionRows
from regard.sync.follower import Follower
from regard.sync.index_sync import IndexSync
from regard.sync.shared_sync import SharedSync
from regard.telemetry.instruments import Instruments
from regard.telemetry.metrics import Metrics
from regard.vision.faces.face_model import KnownModels
from regard.vision.models import FaceModels
from regard.vision.zoo import Zoo

#: How often an index looks for what other processes wrote, so that it keeps no file of what they deleted.
_FOLLOW_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What needs models and no database."""

    detection: FaceDetection
    comparison: FaceComparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What needs only the database: no model and no index is loaded, as servers follow the database by themselves."""

    settings: Settings
    stores: Stores
    access_keys: AccessKeys
    authorisations: Authorisations
    authorised_credentials: AuthorisedCredentials
    thresholds: Thresholds
    people: People
    services: Services
    sign_in_means: SignInMeans
    galleries: Galleries
    users: Users
    face_pictures: FacePictures
    folders: FolderIndexing
    exports: CollectionExport
    imports: CollectionImport
    integrity: Integrity
    migration: IndexMigration
    remakes: CollectionRemake
    ledger: LedgerAccess
    reports: Reports
    cases: Cases
    reviews: Reviews
    keeping: Keeping
    ledger_resumption: LedgerResumption
    shared: SharedSync | None

    def drop_embedded(self, grant: Grant, found: Sequence[Collection]) -> None:
        """Delete the embedded indexes of these collections, files and all, and give up moves that were not finished.

        The next start rebuilds them. Raises InvalidParameter if another process is using the files.
        """
        for each in found:
            grant.require(Action.ADMINISTER, each.id)
        if found:
            drop_embedded(self.settings, self.stores, [each.key for each in found])
        for each in found:
            self.migration.stay(grant, each)

    def erase(self, grant: Grant, collection: Collection) -> None:
        """After a collection was deleted or replaced: delete what its index has in files."""
        grant.require(grant.act.action, collection.id)
        erase_embedded(self.settings, self.stores, collection.key)

    def bring_on_all(self, grant: Grant) -> None:
        """Bring the shared index up to date, if there is one; where that fails, the next search does it."""
        grant.require(grant.act.action)
        if self.shared is not None:
            with suppress(InternalServerError):
                self.shared.catch_up(self.shared.watermark())

    def bring_on(self, grant: Grant, collection: Collection, progress: Progress) -> str | None:
        """If the collection is in the shared index, bring that index up to date; otherwise the next search would.
        Returns the reason if that failed."""
        grant.require(grant.act.action, collection.id)
        if collection.index == EMBEDDED or self.shared is None:
            return None
        try:
            self.shared.catch_up(self.shared.watermark(), progress=progress)
        except InternalServerError as error:
            return error.message
        return None


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
    detection: FaceDetection
    comparison: FaceComparison
    galleries: Galleries
    enrolment: Enrolment
    face_search: FaceSearch
    users: Users
    user_search: UserSearch
    cases: Cases
    reviews: Reviews
    subjects: SubjectAccess
    index_check: IndexCheck
    migration: IndexMigration
    keeping: Keeping
    metrics: Metrics
    instruments: Instruments

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
def open_analysis(settings: Settings) -> Iterator[Analysis]:
    """The models, each loaded when it is first needed."""
    analyzer = FaceAnalyzer(face_models(settings))
    memory = picture_memory(settings)
    loader = ImageLoader(blob_store(settings), memory, object_memory(memory))
    yield Analysis(
        detection=FaceDetection(loader, analyzer),
        comparison=FaceComparison(ProbeReader(loader, analyzer), face_model(settings)),
    )


@contextmanager
def open_register(settings: Settings) -> Iterator[Register]:
    """The database, ready at once no matter how many faces it holds."""
    with ExitStack() as closing:
        stores = open_stores(settings, closing)
        matcher, reviewing = _matcher(settings, stores, NoIndex()), case_doors(settings, stores)
        shared = shared_sync(settings, stores, closing)
        yield Register(
            settings=settings,
            stores=stores,
            access_keys=access_keys(settings, stores),
            authorisations=Authorisations(stores.authorisations, stores.people, stores.collections),
            authorised_credentials=authorised_credentials(settings, stores),
            thresholds=Thresholds(stores.thresholds, stores.collections),
            people=people(stores),
            services=services(settings, stores),
            sign_in_means=sign_in_means(settings, stores),
            galleries=_galleries(stores, matcher, reviewing),
            users=_users(stores, matcher),
            face_pictures=FacePictures(stores.collections, stores.faces, reviewing.pictures),
            folders=FolderIndexing(
                collections=stores.collections,
                enroller=_enroller(stores, matcher, reviewing),
                indexed_files=stores.indexed_files,
            ),
            exports=CollectionExport(stores.transfer),
            imports=CollectionImport(stores.collections, stores.transfer, EnrolmentTerms(stores.database, _now)),
            integrity=Integrity(
                collections=stores.collections, rows=stores.transfer, moves=stores.moves, damage=stores.damage
            ),
            migration=IndexMigration(stores.collections, stores.moves, shared),
            remakes=CollectionRemake(stores.collections, stores.remakes, stores.indexed_files),
            ledger=ledger_access(settings, stores),
            reports=reports(settings, stores, matcher.models),
            cases=reviewing.cases,
            reviews=reviewing.reviews,
            keeping=_keeping(settings, stores, matcher),
            ledger_resumption=LedgerResumption(stores.ledger, ResumptionRows(stores.database)),
            shared=shared,
        )


@contextmanager
def open_engine(settings: Settings, progress: Progress | None = None) -> Iterator[Engine]:
    """The database, the index filled from it, and the models, each loaded when it is first needed."""
    limit_blas_threads()
    take_turns_quickly()
    share_one_heap()
    with ExitStack() as closing:
        metrics, together = instruments(settings, closing)
        blobs = blob_store(settings)  # first: it may refuse the settings, before anything is created
        keep_private(settings.home)
        make_folder(settings.buckets_folder)
        stores = open_stores(settings, closing)
        ledger = open_ledger(settings, stores, closing)
        feeds = embedded_feeds(settings, stores, closing)
        sync = index_sync(settings, stores, feeds, closing)
        for feed in feeds:
            metrics.show_index(feed.table.feed, feed.index)
        sync.rebuild(progress)
        closing.enter_context(Follower(sync.catch_up, _FOLLOW_SECONDS))
        memory = picture_memory(settings)  # now that the index has what it needs
        zoo = open_zoo(settings)
        models = face_models(settings, zoo, together, models_share(settings, memory))
        analyzer = FaceAnalyzer(models, together)
        loader = ImageLoader(blobs, memory, object_memory(memory))
        probes, matcher = ProbeReader(loader, analyzer), _matcher(settings, stores, sync)
        reviewing = case_doors(settings, stores)
        entrance = gate(settings, ledger, lambda: nullcontext(stores.database))
        kept = _keeping(settings, stores, matcher)
        sweep_in_the_background(kept, entrance, stores, closing)
        yield Engine(
            settings=settings,
            gate=entrance,
            ledger=ledger,
            zoo=zoo,
            models=models,
            evaluation=evaluation(stores, matcher.models, analyzer, memory),
            known_models=matcher.models,
            stores=stores,
            index_sync=sync,
            access_keys=access_keys(settings, stores),
            detection=FaceDetection(loader, analyzer),
            comparison=FaceComparison(probes, matcher.models.default),
            galleries=_galleries(stores, matcher, reviewing),
            enrolment=Enrolment(
                collections=stores.collections,
                loader=loader,
                analyzer=analyzer,
                enroller=_enroller(stores, matcher, reviewing),
            ),
            face_search=_face_search(stores, matcher, probes, reviewing),
            users=_users(stores, matcher),
            user_search=_user_search(stores, matcher, probes, reviewing),
            subjects=SubjectAccess(stores.database, kept.receipts, matcher, probes, _now),
            cases=reviewing.cases,
            reviews=reviewing.reviews,
            index_check=IndexCheck(sync),
            migration=IndexMigration(stores.collections, stores.moves, sync.shared),
            keeping=kept,
            metrics=metrics,
            instruments=together,
        )


def _matcher(settings: Settings, stores: Stores, index: Index) -> Matcher:
    return Matcher(models=known_models(settings), index=index, faces=stores.faces, users=stores.users)


def _face_search(stores: Stores, matcher: Matcher, probes: ProbeReader, reviewing: CaseDoors) -> FaceSearch:
    return FaceSearch(
        collections=stores.collections,
        matcher=matcher,
        probes=probes,
        terms=EnrolmentTerms(stores.database, _now),
        indexed_files=stores.indexed_files,
        reviewed=_reviewed(stores, reviewing),
    )


def _user_search(stores: Stores, matcher: Matcher, probes: ProbeReader, reviewing: CaseDoors) -> UserSearch:
    return UserSearch(
        collections=stores.collections,
        users=stores.users,
        matcher=matcher,
        probes=probes,
        terms=EnrolmentTerms(stores.database, _now),
        reviewed=_reviewed(stores, reviewing),
    )


def _reviewed(stores: Stores, reviewing: CaseDoors) -> ReviewedSearch:
    return ReviewedSearch(reviewing.opening, reviewing.pictures, stores.faces)


def _enroller(stores: Stores, matcher: Matcher, reviewing: CaseDoors) -> Enroller:
    return Enroller(
        collections=stores.collections,
        faces=stores.faces,
        matcher=matcher,
        pictures=reviewing.pictures,
        terms=EnrolmentTerms(stores.database, _now),
        clock=_now,
    )


def _galleries(stores: Stores, matcher: Matcher, reviewing: CaseDoors) -> Galleries:
    return Galleries(
        collections=stores.collections, faces=stores.faces, matcher=matcher, cases=reviewing.cases, clock=_now
    )


def _users(stores: Stores, matcher: Matcher) -> Users:
    terms = EnrolmentTerms(stores.database, _now)
    return Users(collections=stores.collections, users=stores.users, matcher=matcher, terms=terms, clock=_now)


def _keeping(settings: Settings, stores: Stores, matcher: Matcher) -> Keeping:
    erasing, standing = FaceErasure(stores.database, matcher), Standing(lambda: nullcontext(stores.database))
    return keeping(settings, stores, erasing, standing)


def _now() -> datetime:
    return datetime.now(UTC)
