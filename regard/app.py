"""The composition root: builds everything once and passes it in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from regard import errors
from regard.accountability.principals import AccessKeys
from regard.config import Settings
from regard.domain import Progress
from regard.engine.analyzer import Analyzer
from regard.engine.gallery import Gallery
from regard.engine.indexing import Indexer
from regard.engine.pictures import Pictures
from regard.media.blobs import FolderStore
from regard.operations.registry import handlers
from regard.operations.services import Services
from regard.store import database
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows
from regard.store.follower import Follower
from regard.store.key_rows import KeyRows
from regard.store.source_rows import SourceRows
from regard.store.vectors_embedded import EmbeddedIndex
from regard.vision.cards import catalogue
from regard.vision.face_models import FaceModels
from regard.vision.session import cores
from regard.vision.zoo import Zoo
from regard.wire import endpoint, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Regard:
    """One running engine and what it stands on."""

    settings: Settings
    zoo: Zoo
    models: FaceModels
    database: database.Database
    access_keys: AccessKeys
    sources: SourceRows
    follower: Follower
    services: Services

    def close(self) -> None:
        self.database.close()


def zoo(settings: Settings) -> Zoo:
    """The models of these settings, without opening anything."""
    return Zoo(settings.models, settings.model_mirror, catalogue(settings.home / "models.toml"))


def build(settings: Settings, progress: Progress | None = None) -> Regard:
    """Open the store, rebuild the index from it and tie everything together; models load when first needed."""
    settings.buckets.mkdir(parents=True, exist_ok=True)
    opened = database.open(settings.database_url)
    model_zoo = zoo(settings)
    models = FaceModels(model_zoo, detector=settings.detector, embedder=settings.embedder, threads=settings.threads)
    faces, index = FaceRows(opened), EmbeddedIndex()
    follower = Follower(opened, faces, index)
    follower.rebuild(progress)
    analyzer = Analyzer(models)
    gallery = Gallery(
        collections=CollectionRows(opened),
        faces=faces,
        index=index,
        follower=follower,
        embedder=models.embedder,
        clock=lambda: datetime.now(UTC),
    )
    services = Services(
        pictures=Pictures(FolderStore(settings.buckets)),
        analyzer=analyzer,
        gallery=gallery,
        indexer=Indexer(analyzer, gallery),
        region=settings.region,
        account_id=settings.account_id,
    )
    return Regard(
        settings=settings,
        zoo=model_zoo,
        models=models,
        database=opened,
        access_keys=AccessKeys(settings.home, KeyRows(opened)),
        sources=SourceRows(opened),
        follower=follower,
        services=services,
    )


def server(regard: Regard, *, strict_output: bool = False) -> Starlette:
    """The ASGI application: the one endpoint, and health for a supervisor or load balancer.

    `strict_output` checks every result against the service model, for tests.
    """
    options = endpoint.Options(
        region=regard.settings.region,
        # Two requests a core: one decodes and answers while the other's models run.
        threads=2 * cores(),
        oversize={"ImageBlob": errors.ImageTooLarge},
        strict_output=strict_output,
    )
    route = endpoint.endpoint(
        handlers(regard.services), schema=schema.load(), credentials=regard.access_keys, options=options
    )

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    def ready(_: Request) -> JSONResponse:
        missing = [name for name in regard.models.names if name not in regard.zoo.installed]
        state = {"status": "ready"} if not missing else {"status": "not ready", "missing_models": missing}
        return JSONResponse(state, status_code=503 if missing else 200)

    return Starlette(routes=[route, Route("/health/live", live), Route("/health/ready", ready)])
