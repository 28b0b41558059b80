"""The ASGI application: the AWS endpoint, health for a supervisor or load balancer, and metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from regard import errors
from regard.accountability.one_time_codes import OneTimeCodes
from regard.accountability.permissions import PERMISSIONS
from regard.accountability.reports.public_page import PublicPage
from regard.accountability.secret_box import SecretBox
from regard.accountability.sessions import Sessions
from regard.accountability.web_identity import WebIdentityTokens
from regard.api.native_routes import PREFIX
from regard.bootstrap.accountability import answers_untold, signing_key
from regard.bootstrap.console import PLACE, ConsolePages
from regard.bootstrap.engine import Engine
from regard.bootstrap.front_page import front_page
from regard.bootstrap.memory import body_bytes
from regard.bootstrap.native_api import native
from regard.bootstrap.reports import public_page
from regard.bootstrap.threads import request_threads
from regard.config.sections import split
from regard.config.settings import Settings
from regard.console.assets import Assets
from regard.edge.arrivals import Arrivals
from regard.edge.body import LONGEST_BODY_BYTES
from regard.edge.observer import Observer
from regard.edge.rates import RateLimiter
from regard.edge.request_pipeline import RequestPipeline
from regard.edge.turns import Lane, Turns, let_others_compute
from regard.operations.acts import acts_over
from regard.operations.arns import ResourceNames
from regard.operations.call import Family
from regard.operations.celebrities import CelebrityOperations
from regard.operations.collections import CollectionOperations
from regard.operations.faces import FaceOperations
from regard.operations.idempotency import Idempotency
from regard.operations.identity import Identity, KnownPeople
from regard.operations.images import ImageOperations
from regard.operations.media_analysis import MediaAnalysisOperations
from regard.operations.moderation import ModerationOperations
from regard.operations.paging import Pages
from regard.operations.registry import Handler, handlers
from regard.operations.tags import TagOperations
from regard.operations.texts import TextOperations
from regard.operations.users import UserOperations
from regard.operations.videos import VideoOperations
from regard.vision.session import cores
from regard.wire import endpoint, schema
from regard.wire.cross_origin import CrossOrigin
from regard.wire.json_protocol import JsonProtocol
from regard.wire.query_protocol import QueryProtocol
from regard.wire.service import Service

#: Bytes of a waiting request's body, on average: a photograph of 1.5 MB in base64.
_USUAL_BODY_BYTES = 2 * 1024 * 1024
#: More bodies than this are not on their way together, however much memory there is: eight of the largest.
_MOST_ARRIVING_BYTES = 8 * LONGEST_BODY_BYTES
#: Two passwords are checked at once, at 0.1 s and 19 MiB each: all strangers are one caller, who never has the last
#: thread.
_SIGN_IN_THREADS = 3
#: Bytes of a form: the longest input of STS, with room to spare.
_LONGEST_FORM_BYTES = 256 * 1024

Page = Callable[[Request], Response | Awaitable[Response]]

_PAGE_HEADERS = {
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}
#: A page with a style sheet of its own, which changes once a minute at most.
_TRANSPARENCY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "public, max-age=60",
}


def pipeline(settings: Settings, observer: Observer | None = None) -> RequestPipeline:
    """What all HTTP doors share: rates for each caller, and limits on requests at once. Raises SettingsError."""
    threads, waiting, most_bytes = request_threads(), settings.server.queue, body_bytes(settings)
    operations = {name for service in schema.VERSIONS for name in schema.load(service).operations}
    operations |= set(PERMISSIONS.routes)
    return RequestPipeline(
        turns=Turns(
            dict.fromkeys(Lane, threads) | {Lane.SIGN_IN: _SIGN_IN_THREADS},
            places=waiting,
            most_bytes=min(most_bytes, max(LONGEST_BODY_BYTES, waiting * _USUAL_BODY_BYTES)),
            # Another database than SQLite is waited for, and others may compute meanwhile.
            single=[Lane.STORE] if settings.database_url.startswith("sqlite") else (),
        ),
        arrivals=Arrivals(min(most_bytes, _MOST_ARRIVING_BYTES)),
        rates=RateLimiter.load(settings.server.rates, operations),
        observer=observer,
        threads=cores(),
    )


def rekognition(engine: Engine) -> dict[str, Handler]:
    """Rekognition's operations, each behind the engine's gate. Raises SettingsError for wrong names of celebrities."""
    settings = engine.settings
    engine.celebrities.check()
    pages = Pages(signing_key(settings, "paging"), clock=_now)
    names = ResourceNames(regions=split(settings.server.region), account_id=settings.server.account_id)
    families: list[Family] = [
        CollectionOperations(galleries=engine.galleries, pages=pages, names=names),
        FaceOperations(
            detection=engine.detection,
            comparison=engine.comparison,
            enrolment=engine.enrolment,
            search=engine.face_search,
            galleries=engine.galleries,
            users=engine.users,
            pages=pages,
            untold=answers_untold(settings),
        ),
        ImageOperations(labels=engine.labels, equipment=engine.equipment),
        CelebrityOperations(celebrities=engine.celebrities),
        MediaAnalysisOperations(media=engine.media_jobs, jobs=engine.jobs.queue, pages=pages),
        ModerationOperations(moderation=engine.moderation),
        TagOperations(galleries=engine.galleries, names=names),
        TextOperations(text=engine.text),
        UserOperations(users=engine.users, search=engine.user_search, galleries=engine.galleries, pages=pages),
        VideoOperations(videos=engine.video_jobs, jobs=engine.jobs.queue, pages=pages),
    ]
    idempotency = Idempotency(engine.stores.idempotency_keys, clock=_now)
    acts = acts_over(settings.celebrities.collection, settings.celebrities.threshold)
    return handlers(families, gate=engine.gate, idempotency=idempotency, acts=acts)


def server(engine: Engine, shared: RequestPipeline | None = None, *, strict_output: bool = False) -> Starlette:
    """The application, whose requests go through `shared`; a pipeline of its own unless given.

    `strict_output` checks every result against the service model, for tests.
    """
    chosen = engine.settings.server
    options = endpoint.Options(
        regions=split(chosen.region),
        cross_origin=CrossOrigin(split(chosen.origins)),
        prefixes=split(chosen.path_prefixes),
        oversize={"ImageBlob": errors.ImageTooLarge},
        strict_output=strict_output,
    )
    shared = shared or pipeline(engine.settings, engine.instruments)
    engine.ledger.waits = let_others_compute
    routes = endpoint.endpoint(_services(engine), credentials=engine.access_keys, pipeline=shared, options=options)

    console = ConsolePages(Assets())

    async def front(request: Request) -> Response:
        if console.greets(request):
            return RedirectResponse(f"{request.url.path.rstrip('/')}{PLACE}/", headers={"Vary": "Accept"})
        content, media_type = front_page(request.headers.get("accept", ""), console=console.built)
        return Response(content, headers=_PAGE_HEADERS, media_type=media_type)

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    def ready(_: Request) -> JSONResponse:
        missing = [name for name in engine.models.names if name not in engine.zoo.installed]
        faults: dict[str, object] = {"missing_models": missing} if missing else {}
        if fault := engine.stores.database.fault():
            faults["database"] = fault
        if engine.ledger.fault is not None:
            faults["ledger"] = engine.ledger.fault
        state = {"status": "not ready", **faults} if faults else {"status": "ready"}
        return JSONResponse(state, status_code=503 if faults else 200)

    def metrics(request: Request) -> Response:
        content, content_type = engine.metrics.exposition(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": content_type})

    pages: dict[str, Page] = {"/": front, "/health/live": live, "/health/ready": ready, "/metrics": metrics}
    pages |= {PLACE: console.without_slash, PLACE + "/{path:path}": console.file}
    if (public := public_page(engine.settings, engine.stores)) is not None:
        pages["/transparency"] = _shown(public)
    prefixes = ("", *options.prefixes)
    api = native(engine, shared)
    application = Starlette(
        routes=[
            *routes,
            *(Route(at + path, page) for at in prefixes for path, page in pages.items()),
            *(Mount(at + PREFIX, app=api) for at in prefixes),
        ]
    )
    application.router.redirect_slashes = False  # it would send clients to whatever host they name
    return application


def _shown(public: PublicPage) -> Page:
    """A page for everybody, made in a thread."""

    def transparency(_: Request) -> Response:
        return Response(public.html(), headers=_TRANSPARENCY_HEADERS, media_type="text/html")

    return transparency


def known_people(engine: Engine) -> KnownPeople:
    """What sessions are held to, where the profile of the installation or of a collection knows people."""
    stores, secret_box = engine.stores, SecretBox(engine.settings.home / "seal.key")
    return KnownPeople(
        gate=engine.gate,
        sessions=Sessions(stores.people, stores.sign_ins, stores.authorisations, OneTimeCodes(secret_box)),
        tokens=WebIdentityTokens(secret_box),
    )


def _services(engine: Engine) -> list[Service]:
    """The AWS services that the endpoint provides."""
    model, sts = schema.load(), schema.load("sts")
    identity = Identity(
        credentials=engine.access_keys.temporary_credentials,
        account_id=engine.settings.server.account_id,
        people=known_people(engine),
    )
    return [
        Service(schema=model, codec=JsonProtocol(model), handlers=rekognition(engine)),
        Service(
            schema=sts,
            codec=QueryProtocol(sts),
            handlers=identity.handlers(),
            body_limit=_LONGEST_FORM_BYTES,
            global_region="us-east-1",
            vouchers=identity.vouchers(),
        ),
    ]


def _now() -> datetime:
    return datetime.now(UTC)
