"""What needs only the database, and so is there at once no matter how many faces it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from regard.accountability.access_keys import AccessKeys
from regard.accountability.authorisations import Authorisations
from regard.accountability.authorised_credentials import AuthorisedCredentials
from regard.accountability.cases import Cases
from regard.accountability.enrolment_terms import EnrolmentTerms
from regard.accountability.gate import Grant
from regard.accountability.ledger.ledger_access import LedgerAccess
from regard.accountability.ledger.ledger_resumption import LedgerResumption
from regard.accountability.people import People
from regard.accountability.reviews import Reviews
from regard.accountability.services import Services
from regard.accountability.sign_in_means import SignInMeans
from regard.accountability.thresholds import Thresholds
from regard.bootstrap.accountability import (
    access_keys,
    authorised_credentials,
    people,
    services,
    sign_in_means,
)
from regard.bootstrap.cases import case_doors
from regard.bootstrap.galleries import enroller, galleries, keeping_of, matcher_of, now, users
from regard.bootstrap.indexes import NoIndex, drop_embedded, erase_embedded, shared_sync
from regard.bootstrap.jobs import job_control
from regard.bootstrap.keeping import Keeping
from regard.bootstrap.ledger import ledger_access
from regard.bootstrap.reports import Reports, reports
from regard.bootstrap.stores import Stores, open_stores
from regard.config.settings import Settings
from regard.domain.authority import Action
from regard.domain.galleries import EMBEDDED, Collection
from regard.domain.reporting import Progress
from regard.engine.bulk.collection_remake import CollectionRemake
from regard.engine.bulk.folder_indexing import FolderIndexing
from regard.engine.galleries.face_pictures import FacePictures
from regard.engine.galleries.gallery import Galleries
from regard.engine.galleries.user_vectors import Users
from regard.engine.jobs.control import JobControl
from regard.engine.transfer.collection_export import CollectionExport
from regard.engine.transfer.collection_import import CollectionImport
from regard.engine.transfer.index_migration import IndexMigration
from regard.engine.transfer.integrity import Integrity
from regard.errors import InternalServerError
from regard.store.resumption_rows import ResumptionRows
from regard.sync.shared_sync import SharedSync


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
    jobs: JobControl
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


@contextmanager
def open_register(settings: Settings) -> Iterator[Register]:
    """The database, ready at once no matter how many faces it holds."""
    with ExitStack() as closing:
        stores = open_stores(settings, closing)
        matcher, reviewing = matcher_of(settings, stores, NoIndex()), case_doors(settings, stores)
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
            galleries=galleries(stores, matcher, reviewing),
            users=users(stores, matcher, reviewing),
            face_pictures=FacePictures(stores.collections, stores.faces, reviewing.pictures),
            folders=FolderIndexing(
                collections=stores.collections,
                enroller=enroller(stores, matcher, reviewing),
                indexed_files=stores.indexed_files,
            ),
            exports=CollectionExport(stores.transfer),
            imports=CollectionImport(stores.collections, stores.transfer, EnrolmentTerms(stores.database, now)),
            integrity=Integrity(
                collections=stores.collections, rows=stores.transfer, moves=stores.moves, damage=stores.damage
            ),
            migration=IndexMigration(stores.collections, stores.moves, shared),
            remakes=CollectionRemake(stores.collections, stores.remakes, stores.indexed_files),
            ledger=ledger_access(settings, stores),
            reports=reports(settings, stores, matcher.models),
            cases=reviewing.cases,
            reviews=reviewing.reviews,
            jobs=job_control(settings, stores),
            keeping=keeping_of(settings, stores, matcher),
            ledger_resumption=LedgerResumption(stores.ledger, ResumptionRows(stores.database)),
            shared=shared,
        )
