"""The composition root: builds everything once and passes it in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from threadpoolctl import threadpool_limits

from regard import errors
from regard.accountability.access_keys import AccessKeys
from regard.accountability.secret_box import SecretBox
from regard.config.settings import Settings
from regard.domain.reporting import Progress
from regard.edge.admission import LONGEST, Admission
from regard.edge.rates import RateLimiter
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import ImageLoader
from regard.engine.galleries.enrolment import Indexer
from regard.engine.galleries.gallery import Gallery
from regard.engine.galleries.user_vectors import Users
from regard.index.embedded import codebook
from regard.index.embedded.embedded_index import EmbeddedIndex, files_of
from regard.index.milvus.milvus_index import Consistency, MilvusIndex, MilvusOptions
from regard.media.blobs import BlobStore, FolderStore
from regard.media.bucket_routes import BucketRoutes
from regard.media.s3_blobs import S3Options, S3Store
from regard.operations.idempotency import Idempotency
from regard.operations.identity import Identity
from regard.operations.paging import Pages
from regard.operations.registry import handlers
from regard.operations.services import Services
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows
from regard.store.idempotency_rows import IdempotencyRows
from regard.store.indexed_file_rows import IndexedFileRows
from regard.store.key_rows import KeyRows
from regard.store.tables.faces import faces
from regard.store.tables.users import user_vectors
from regard.store.user_rows import UserRows
from regard.store.vector_rows import VectorRows
from regard.sync.index_sync import IndexSync
from regard.sync.shared_sync import SharedSync
from regard.telemetry import traces
from regard.telemetry.instruments import Instruments
from regard.telemetry.logs import RequestLog
from regard.telemetry.metrics import Metrics
from regard.vision.cards import catalogue
from regard.vision.models import FaceModels
from regard.vision.session import cores
from regard.vision.zoo import Zoo
from regard.wire import endpoint, schema
from regard.wire.json_protocol import JsonProtocol
from regard.wire.query_protocol import QueryProtocol
from regard.wire.service import Service

#: Bytes of a body that waits, on the average: a photograph of 1.5 MB in base64.
_USUAL_BODY = 2 * 1024 * 1024
#: Bytes of a form: the longest input of STS, and room to spare.
_LONGEST_FORM = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Regard:
    """One running engine and what it stands on."""

    settings: Settings
    zoo: Zoo
    models: FaceModels
    database: database.Database
    access_keys: AccessKeys
    sources: IndexedFileRows
    follower: IndexSync
    services: Services
    metrics: Metrics
    instruments: Instruments
    indexes: tuple[EmbeddedIndex, EmbeddedIndex]

    def close(self) -> None:
        for index in self.indexes:
            index.close()
        if self.follower.shared:
            self.follower.shared.close()
        self.database.close()
        self.instruments.close()


def zoo(settings: Settings) -> Zoo:
    """The models of these settings, without opening anything."""
    return Zoo(settings.models, settings.model_mirror, catalogue(settings.home / "models.toml"))


def s3_store(settings: Settings) -> S3Store | None:
    """The store of these settings, if they name one, without connecting to it."""
    if settings.s3_endpoint is None:
        return None
    options = S3Options(
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=settings.s3_secret_access_key,
        connections=2 * cores(),  # one for each request that is worked on
    )
    return S3Store(options)


def _blobs(settings: Settings) -> BlobStore:
    folders, s3 = FolderStore(settings.buckets), s3_store(settings)
    return folders if s3 is None else BucketRoutes(folders, s3)


def limit_blas_threads() -> None:
    """From now on numpy multiplies matrices in the thread that asks. Its own threads spin while they wait: sixteen
    searches at once in 20,000 faces were twenty times as slow with them, and a lone one no quicker."""
    threadpool_limits(limits=1, user_api="blas")


def build(settings: Settings, progress: Progress | None = None) -> Regard:
    """Open the store, rebuild the index from it and tie everything together; models load when first needed."""
    limit_blas_threads()
    blobs = _blobs(settings)
    metrics, instruments = _instruments(settings)
    settings.buckets.mkdir(parents=True, exist_ok=True)
    opened = database.open(settings.database_url)
    model_zoo = zoo(settings)
    models = FaceModels(
        model_zoo,
        detector=settings.detector,
        embedder=settings.embedder,
        threads=settings.threads,
        meter=instruments,
    )
    indexes = _embedded_indexes(settings, opened, model_zoo)
    follower = _follower(settings, opened, *indexes)
    for name, index in zip(("faces", "users"), indexes, strict=True):
        metrics.show_index(name, index)
    follower.rebuild(progress)
    analyzer = FaceAnalyzer(models, instruments)
    collections = CollectionRows(opened, settings.index)
    gallery = Gallery(
        collections=collections,
        faces=FaceRows(opened),
        follower=follower,
        embedder=models.embedder,
        clock=lambda: datetime.now(UTC),
    )
    people = Users(
        gallery=gallery,
        users=UserRows(opened),
        follower=follower,
        clock=lambda: datetime.now(UTC),
    )
    services = Services(
        pictures=ImageLoader(blobs),
        analyzer=analyzer,
        gallery=gallery,
        people=people,
        indexer=Indexer(analyzer, gallery),
        pages=Pages(SecretBox(settings.home / "seal.key").derive("paging"), clock=lambda: datetime.now(UTC)),
        idempotency=Idempotency(IdempotencyRows(opened), clock=lambda: datetime.now(UTC)),
        retag=collections.retag,
        region=settings.region,
        account_id=settings.account_id,
    )
    return Regard(
        settings=settings,
        zoo=model_zoo,
        models=models,
        database=opened,
        access_keys=AccessKeys(settings.home, KeyRows(opened)),
        sources=IndexedFileRows(opened),
        follower=follower,
        services=services,
        metrics=metrics,
        instruments=instruments,
        indexes=indexes,
    )


def _embedded_indexes(
    settings: Settings, opened: database.Database, models: Zoo
) -> tuple[EmbeddedIndex, EmbeddedIndex]:
    """Of faces and of users, as their files still are."""
    known = codebook.of(models.card(settings.embedder).version)
    files = _files(settings, opened)
    return EmbeddedIndex(known, files / "faces"), EmbeddedIndex(known, files / "users")


def _follower(
    settings: Settings, opened: database.Database, of_faces: EmbeddedIndex, of_users: EmbeddedIndex
) -> IndexSync:
    made = IndexSync(opened, faces_index=of_faces, users_index=of_users, shared=shared_index(settings, opened))
    of_faces.lost, of_users.lost = made.reload_faces, made.reload_users
    return made


def drop_indexes(settings: Settings, opened: database.Database, collection_keys: Iterable[int]) -> None:
    """Throw away the embedded indexes of these collections, files and all: `build` makes them anew.

    Raises InvalidParameter where another process has the files.
    """
    indexes = _embedded_indexes(settings, opened, zoo(settings))
    try:
        if not all(index.writable for index in indexes):
            raise errors.InvalidParameter("Another process has the index files. Stop the server, and run this again.")
        for collection_key in collection_keys:
            for index in indexes:
                index.drop(collection_key)
    finally:
        for index in indexes:
            index.close()


def shared_index(settings: Settings, opened: database.Database) -> SharedSync | None:
    """What follows in the index that servers share, if the settings name one, without connecting to it.

    Raises SettingsError for an address that is none, and where the extra is not installed.
    """
    if settings.milvus is None:
        return None
    options = MilvusOptions(uri=settings.milvus, token=settings.milvus_token or "", consistency=Consistency.SESSION)
    name, committed = f"regard_{opened.identity()}", opened.committed()
    return SharedSync(
        opened,
        faces_index=MilvusIndex(options, f"{name}_faces", VectorRows(committed, faces).among),
        users_index=MilvusIndex(options, f"{name}_users", VectorRows(committed, user_vectors).among),
        restore_guard=_files(settings, opened) / "shared.json",
    )


def _files(settings: Settings, opened: database.Database) -> Path:
    return files_of(settings.home / "index", opened.identity())


def _instruments(settings: Settings) -> tuple[Metrics, Instruments]:
    """Who is told of every request and model run; traces are sent only where the settings say so."""
    release = version("regard")
    metrics = Metrics(version=release, face_model=settings.embedder, detector=settings.detector)
    sent = [traces.to_collector(settings.otlp_endpoint, release)] if settings.otlp_endpoint else []
    return metrics, Instruments([metrics, RequestLog(), *sent])


def limits(settings: Settings) -> tuple[RateLimiter, Admission]:
    """Who may ask how often, and how many at once. Raises SettingsError for settings that cannot be meant."""
    threads = _threads()
    most_bytes = threads * LONGEST + max(settings.queue, 0) * _USUAL_BODY
    queue = Admission(running=threads, waiting=settings.queue, most_bytes=most_bytes)
    return RateLimiter.load(settings.quotas), queue


def _threads() -> int:
    """Two requests a core: one decodes and answers while the other's models run."""
    return 2 * cores()


def _wire_services(regard: Regard) -> list[Service]:
    """The AWS services that the endpoint answers for."""
    rekognition, sts = schema.load(), schema.load("sts")
    identity = Identity(sessions=regard.access_keys.sessions, account_id=regard.settings.account_id)
    return [
        Service(schema=rekognition, codec=JsonProtocol(rekognition), handlers=handlers(regard.services)),
        Service(
            schema=sts,
            codec=QueryProtocol(sts),
            handlers=identity.handlers(),
            body_limit=_LONGEST_FORM,
            global_region="us-east-1",
        ),
    ]


def server(regard: Regard, *, strict_output: bool = False) -> Starlette:
    """The ASGI application: the one endpoint, and health for a supervisor or load balancer.

    `strict_output` checks every result against the service model, for tests.
    """
    quotas, queue = limits(regard.settings)
    options = endpoint.Options(
        region=regard.settings.region,
        threads=_threads(),
        quotas=quotas,
        queue=queue,
        oversize={"ImageBlob": errors.ImageTooLarge},
        strict_output=strict_output,
        observer=regard.instruments,
    )
    route = endpoint.endpoint(_wire_services(regard), credentials=regard.access_keys, options=options)

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    def ready(_: Request) -> JSONResponse:
        missing = [name for name in regard.models.names if name not in regard.zoo.installed]
        state = {"status": "ready"} if not missing else {"status": "not ready", "missing_models": missing}
        return JSONResponse(state, status_code=503 if missing else 200)

    def metrics(request: Request) -> Response:
        content, content_type = regard.metrics.exposition(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": content_type})

    return Starlette(
        routes=[route, Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", metrics)]
    )
