"""The one `POST /`: every operation of every client comes through here."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from uuid import uuid4

from anyio import CapacityLimiter, move_on_after, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from regard.domain.callers import Principal
from regard.edge.limits import Admission, NullAdmission, NullRateLimiter, RateLimiter
from regard.edge.observer import NullObserver, Observer, RequestRecord
from regard.errors import InternalServerError, RegardError, RequestTimeout, RequestTooLarge
from regard.wire import sigv4
from regard.wire.canonical_request import SignedRequest, folded
from regard.wire.schema import Operation
from regard.wire.serialize import check_output
from regard.wire.service import Handler, Headers, Service
from regard.wire.validate import validate

#: How long a client that is turned away, and asked to close the connection, may take to send the rest.
_DRAIN_SECONDS = 5.0
#: What the observer is told of a client that left before its request was whole.
_LEFT = "ClientDisconnect"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the endpoint behaves.

    `threads` operations run at once; the others wait. `body_limit` is in bytes: two images of the largest size, in
    base64, and room to spare; a body must arrive within `body_seconds`. `oversize` names the error for a blob that is
    longer than its shape allows. `strict_output` checks every result against its shape.
    """

    region: str
    threads: int = 16
    body_limit: int = 16 * 1024 * 1024
    body_seconds: float = 60.0
    oversize: Mapping[str, type[RegardError]] = field(default_factory=dict)
    strict_output: bool = False
    quotas: RateLimiter = field(default_factory=NullRateLimiter)
    queue: Admission = field(default_factory=NullAdmission)
    observer: Observer = field(default_factory=NullObserver)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


def endpoint(services: Sequence[Service], *, credentials: sigv4.Credentials, options: Options) -> Route:
    """The route that answers for `services`; the first also answers what is meant for none of them."""
    return Route("/", _Endpoint(services, credentials, options).post, methods=["POST"])


@dataclass(slots=True, kw_only=True)
class _Exchange:
    """One request and its answer, filled in on the way."""

    service: Service
    request: Request
    headers: Headers
    request_id: str = field(default_factory=lambda: str(uuid4()))
    started: float = field(default_factory=perf_counter)
    operation: Operation | None = None
    body: bytes = b""
    principal: Principal | None = None
    waited: float = 0.0
    received: int = 0
    sent: int = 0
    # What it comes to if nothing else does: the server is stopped in the middle.
    status: int = InternalServerError.status
    code: str | None = InternalServerError.code

    @property
    def name(self) -> str:
        return self.operation.name if self.operation else ""

    def succeed(self, content: bytes) -> Response:
        return self._respond(200, None, content)

    def fail(self, error: RegardError) -> Response:
        status, content = self.service.codec.encode_error(error, self.request_id)
        return self._respond(status, error.code, content)

    def abandon(self) -> Response:
        """NullObserver is there to read it."""
        self.status, self.code = 400, _LEFT
        return Response(status_code=400)

    def _respond(self, status: int, code: str | None, content: bytes) -> Response:
        self.status, self.code, self.sent = status, code, len(content)
        return Response(content, status, {"x-amzn-RequestId": self.request_id}, self.service.codec.content_type)

    def answer(self) -> RequestRecord:
        return RequestRecord(
            request_id=self.request_id,
            service=self.service.schema.service,
            operation=self.name,
            principal=self.principal,
            status=self.status,
            code=self.code,
            seconds=perf_counter() - self.started,
            waited=self.waited,
            received=self.received,
            sent=self.sent,
        )


class _Endpoint:
    def __init__(self, services: Sequence[Service], credentials: sigv4.Credentials, options: Options) -> None:
        self._services = services
        self._credentials = credentials
        self._options = options
        self._turns = CapacityLimiter(options.threads)
        # The turns are the bound; whoever has one gets a thread at once.
        self._threads = CapacityLimiter(math.inf)
        self._waiting = 0

    async def post(self, request: Request) -> Response:
        """Read the request here; everything that computes or waits for a store happens in a thread."""
        headers = folded(request.headers.raw)
        service = next((each for each in self._services if each.codec.claims(headers)), self._services[0])
        exchange = _Exchange(service=service, request=request, headers=headers)
        try:
            return await self._respond(exchange)
        finally:
            self._options.observer.answered(exchange.answer())

    async def _respond(self, exchange: _Exchange) -> Response:
        stream = exchange.request.stream()
        try:
            self._resolve(exchange)
            with self._options.queue.enter(_declared(exchange.headers)):
                await self._read(exchange, stream)
                async with self._turn(exchange):
                    return await to_thread.run_sync(self._answer, exchange, limiter=self._threads)
        except RegardError as error:
            await self._drain(exchange, stream)
            return exchange.fail(error)
        except ClientDisconnect:
            return exchange.abandon()

    def _resolve(self, exchange: _Exchange, body: bytes | None = None) -> Handler | None:
        """Note what is asked for and find who answers it; like AWS, before asking who asks."""
        exchange.operation = exchange.service.operation(exchange.headers, body)
        return exchange.service.handler(exchange.operation) if exchange.operation else None

    async def _read(self, exchange: _Exchange, stream: AsyncIterator[bytes]) -> None:
        """The request's body. Raises RequestTooLarge as soon as it is known to be longer than it may be, and
        RequestTimeout for one that does not come: it holds a place in the queue, and nobody knows yet whose it is."""
        limit = self._limit(exchange.service)
        if (_declared(exchange.headers) or 0) > limit:
            raise RequestTooLarge
        chunks = []
        with move_on_after(self._options.body_seconds) as patience:
            async for chunk in stream:
                exchange.received += len(chunk)
                if exchange.received > limit:
                    raise RequestTooLarge
                chunks.append(chunk)
        if patience.cancelled_caught:
            raise RequestTimeout
        exchange.body = b"".join(chunks)

    def _limit(self, service: Service) -> int:
        return service.body_limit or self._options.body_limit

    async def _drain(self, exchange: _Exchange, stream: AsyncIterator[bytes]) -> None:
        """Let a client that asked to close the connection finish sending, within bounds, so that it reads the answer.

        A connection closed over unread bytes is reset. Where it stays open, the HTTP server discards them by itself.
        """
        version = exchange.request.scope["http_version"]
        if version != "1.0" and b"close" not in exchange.headers.get(b"connection", b"").lower():
            return
        left = self._limit(exchange.service)
        with move_on_after(_DRAIN_SECONDS):
            async for chunk in stream:
                left -= len(chunk)
                if left < 0:
                    return

    @asynccontextmanager
    async def _turn(self, exchange: _Exchange) -> AsyncIterator[None]:
        since = perf_counter()
        self._count(1)
        try:
            await self._turns.acquire()
        finally:
            self._count(-1)
        exchange.waited = perf_counter() - since
        try:
            yield
        finally:
            self._turns.release()

    def _count(self, more: int) -> None:
        self._waiting += more
        self._options.observer.waiting(self._waiting)

    def _answer(self, exchange: _Exchange) -> Response:
        try:
            return exchange.succeed(self._perform(exchange))
        except RegardError as error:
            if error.status >= InternalServerError.status:
                log.error("%s: request %s: %s", exchange.name, exchange.request_id, error.message)
            return exchange.fail(error)
        except Exception:  # the loop top: whatever went wrong in an operation, the server goes on
            log.exception("%s: request %s failed", exchange.name, exchange.request_id)
            return exchange.fail(InternalServerError())

    def _perform(self, exchange: _Exchange) -> bytes:
        handler = self._resolve(exchange, exchange.body)
        operation, options, codec = exchange.operation, self._options, exchange.service.codec
        if handler is None or operation is None:
            raise RuntimeError("a codec names the operation once it has the body")
        exchange.principal = principal = self._verify(exchange)
        options.quotas.check(principal, operation.name)
        arguments = validate(operation.input, codec.parse(operation.input, exchange.body), options.oversize)
        with options.observer.performing(operation.name, exchange.request_id):
            result = handler(principal, arguments)
        if options.strict_output:
            check_output(operation.output, result)
        return codec.encode_result(operation, result, exchange.request_id)

    def _verify(self, exchange: _Exchange) -> Principal:
        request, options, elsewhere = exchange.request, self._options, exchange.service.global_region
        signed = SignedRequest(
            method=request.method,
            path=request.scope["raw_path"],
            query=request.scope["query_string"],
            headers=exchange.headers,
            body=exchange.body,
        )
        return sigv4.verify(
            signed,
            regions=(options.region, elsewhere) if elsewhere else (options.region,),
            service=exchange.service.schema.service,
            credentials=self._credentials,
            now=options.clock(),
        )


def _declared(headers: Headers) -> int | None:
    length = headers.get(b"content-length", b"")
    return int(length) if length.isdigit() else None
