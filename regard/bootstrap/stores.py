"""Storage: the database with its rows, and objects."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from regard.accountability.profiles.catalogue import of_tags
from regard.accountability.standing import NAMING_TAGS
from regard.bootstrap.rules import rules_of
from regard.config.settings import Settings
from regard.media.blobs import Buckets, FolderStore
from regard.media.bucket_routes import BucketRoutes
from regard.media.s3_blobs import S3Options, S3Store
from regard.store import database
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.collection_rows import CollectionRows
from regard.store.damage_rows import DamageRows
from regard.store.database import Database
from regard.store.face_rows import FaceRows
from regard.store.idempotency_rows import IdempotencyRows
from regard.store.indexed_file_rows import IndexedFileRows
from regard.store.key_rows import KeyRows
from regard.store.ledger_rows import LedgerRows
from regard.store.move_rows import MoveRows
from regard.store.people_rows import PeopleRows
from regard.store.remake_rows import RemakeRows
from regard.store.sign_in_rows import SignInRows
from regard.store.threshold_rows import ThresholdRows
from regard.store.transfer_rows import TransferRows
from regard.store.user_rows import UserRows
from regard.vision.session import cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """One database, and its rows, by kind."""

    database: Database
    collections: CollectionRows
    faces: FaceRows
    users: UserRows
    access_keys: KeyRows
    idempotency_keys: IdempotencyRows
    indexed_files: IndexedFileRows
    moves: MoveRows
    transfer: TransferRows
    damage: DamageRows
    remakes: RemakeRows
    ledger: LedgerRows
    people: PeopleRows
    sign_ins: SignInRows
    authorisations: AuthorisationRows
    thresholds: ThresholdRows


def open_stores(settings: Settings, closing: ExitStack) -> Stores:
    """The database in the settings, created and migrated as needed; `closing` closes it."""
    rules = rules_of(settings)
    opened = database.open(settings.database_url, erase_seconds=rules.erase_seconds)
    closing.callback(opened.close)
    for tags in CollectionRows(opened).tags(NAMING_TAGS):
        opened.erase_within(of_tags(tags, rules).erase_seconds)
    return Stores(
        database=opened,
        collections=CollectionRows(opened, settings.index.default),
        faces=FaceRows(opened),
        users=UserRows(opened),
        access_keys=KeyRows(opened),
        idempotency_keys=IdempotencyRows(opened),
        indexed_files=IndexedFileRows(opened),
        moves=MoveRows(opened),
        transfer=TransferRows(opened),
        damage=DamageRows(opened),
        ledger=LedgerRows(opened),
        people=PeopleRows(opened),
        sign_ins=SignInRows(opened),
        authorisations=AuthorisationRows(opened),
        thresholds=ThresholdRows(opened),
        remakes=RemakeRows(opened),
    )


def database_shown(settings: Settings) -> str:
    """The database's URL as it may be shown: without its password."""
    return database.shown(settings.database_url)


def s3_store(settings: Settings) -> S3Store | None:
    """The S3-compatible store, if the settings name one; does not connect yet."""
    chosen = settings.objects
    if chosen.s3_endpoint is None:
        return None
    options = S3Options(
        endpoint=chosen.s3_endpoint,
        region=chosen.s3_region,
        access_key_id=chosen.s3_access_key_id,
        secret_access_key=chosen.s3_secret_access_key,
        connections=2 * cores(),  # one for each running request
    )
    return S3Store(options)


def blob_store(settings: Settings) -> Buckets:
    """Where a request's S3Object is read from, and what it asks for is written to."""
    folders, s3 = FolderStore(settings.buckets_folder), s3_store(settings)
    return folders if s3 is None else BucketRoutes(folders, s3)
