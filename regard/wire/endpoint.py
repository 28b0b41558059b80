"""The one `POST /` of AWS's clients: every operation of every service comes through here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from regard.domain.callers import Principal
from regard.edge.body import Body, BodyLimits
from regard.edge.exchange import Exchange
from regard.edge.request_pipeline import RequestPipeline
from regard.errors import InternalServerError, RegardError
from regard.wire import sigv4
from regard.wire.canonical_request import SignedRequest, folded
from regard.wire.schema import Operation
from regard.wire.serialize import check_output
from regard.wire.service import Handler, Headers, Service
from regard.wire.validate import validate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the endpoint behaves.

    `body_limit` is in bytes: two images of the largest size, in base64, and room to spare; a body must arrive within
    `body_seconds`. `oversize` names the error for a blob that is longer than its shape allows. `strict_output` checks
    every result against its shape.
    """

    region: str
    body_limit: int = 16 * 1024 * 1024
    body_seconds: float = 60.0
    oversize: Mapping[str, type[RegardError]] = field(default_factory=dict)
    strict_output: bool = False
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


def endpoint(
    services: Sequence[Service], *, credentials: sigv4.Credentials, pipeline: RequestPipeline, options: Options
) -> Route:
    """The route that answers for `services`; the first also answers requests meant for none of them.

    `pipeline` is the one that all doors of the server share.
    """
    return Route("/", _Endpoint(services, credentials, pipeline, options).post, methods=["POST"])


@dataclass(slots=True, kw_only=True)
class _Call:
    """One call of an operation, filled in on the way."""

    service: Service
    request: Request
    headers: Headers
    exchange: Exchange
    operation: Operation | None = None

    def resolve(self, body: bytes | None = None) -> Handler | None:
        """Note the operation asked for and find its handler; like AWS, before asking who is calling.

        None if only the body tells which operation it is, and there is no body yet. Raises as `Codec.name`, and
        AccessDenied for an operation without a handler.
        """
        self.operation = self.service.operation(self.headers, body)
        if self.operation is None:
            return None
        self.exchange.operation = self.operation.name
        return self.service.handler(self.operation)

    def succeed(self, content: bytes, headers: Mapping[str, str]) -> Response:
        return self._respond(200, None, content, headers)

    def fail(self, error: RegardError) -> Response:
        status, content = self.service.codec.encode_error(error, self.exchange.request_id)
        return self._respond(status, error.code, content, {})

    def _respond(self, status: int, code: str | None, content: bytes, headers: Mapping[str, str]) -> Response:
        headers = {**headers, "x-amzn-RequestId": self.exchange.request_id}
        response = Response(content, status, headers, self.service.codec.content_type)
        self.exchange.end(status, code, len(content))
        return response


class _Endpoint:
    def __init__(
        self,
        services: Sequence[Service],
        credentials: sigv4.Credentials,
        pipeline: RequestPipeline,
        options: Options,
    ) -> None:
        self._services = services
        self._credentials = credentials
        self._pipeline = pipeline
        self._options = options

    async def post(self, request: Request) -> Response:
        headers = folded(request.headers.raw)
        service = self._service(headers)
        exchange = Exchange(service=service.schema.service)
        with self._pipeline.recorded(exchange):
            try:
                return await self._respond(_Call(service=service, request=request, headers=headers, exchange=exchange))
            except ClientDisconnect:
                exchange.abandon()
                return Response(status_code=exchange.status)

    def _service(self, headers: Headers) -> Service:
        return next((service for service in self._services if service.codec.claims(headers)), self._services[0])

    async def _respond(self, call: _Call) -> Response:
        """Read the request here; everything that computes or waits for a store happens in a thread."""
        body = Body(
            call.request.stream(),
            headers=call.headers,
            http_version=call.request.scope["http_version"],
            limits=BodyLimits(
                most_bytes=call.service.body_limit or self._options.body_limit, seconds=self._options.body_seconds
            ),
        )
        try:
            call.resolve()
            return await self._pipeline.perform(call.exchange, body, partial(self._answer, call))
        except RegardError as error:
            await body.drain()
            return call.fail(error)

    def _answer(self, call: _Call, body: bytes) -> Response:
        try:
            return self._perform(call, body)
        except RegardError as error:
            if error.status >= InternalServerError.status:
                log.error("%s: request %s: %s", call.exchange.operation, call.exchange.request_id, error.message)
            return call.fail(error)
        except Exception:  # the loop top: whatever went wrong in an operation, the server goes on
            log.exception("%s: request %s failed", call.exchange.operation, call.exchange.request_id)
            return call.fail(InternalServerError())

    def _perform(self, call: _Call, body: bytes) -> Response:
        handler = call.resolve(body)
        operation, exchange, codec = call.operation, call.exchange, call.service.codec
        if handler is None or operation is None:
            raise RuntimeError("a codec must name the operation once it has the body")
        exchange.principal = principal = self._verify(call, body)
        self._pipeline.rates.check(principal, operation.name)
        arguments = validate(operation.input, codec.parse(operation.input, body), self._options.oversize)
        with self._pipeline.observer.performing(operation.name, exchange.request_id):
            result = handler(principal, arguments, exchange.request_id)
        if self._options.strict_output:
            check_output(operation.output, result.members)
        return call.succeed(codec.encode_result(operation, result.members, exchange.request_id), result.headers)

    def _verify(self, call: _Call, body: bytes) -> Principal:
        request, region, elsewhere = call.request, self._options.region, call.service.global_region
        signed = SignedRequest(
            method=request.method,
            path=request.scope["raw_path"],
            query=request.scope["query_string"],
            headers=call.headers,
            body=body,
        )
        return sigv4.verify(
            signed,
            regions=(region, elsewhere) if elsewhere else (region,),
            service=call.service.schema.service,
            credentials=self._credentials,
            now=self._options.clock(),
        )
