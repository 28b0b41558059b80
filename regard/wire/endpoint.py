"""The one `POST /` of AWS's clients: every operation of every service comes through here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from regard.domain.callers import Credential, Principal
from regard.edge.body import Body, BodyLimits
from regard.edge.connections import CONNECTION_KEY, Connection
from regard.edge.exchange import Exchange
from regard.edge.request_pipeline import RequestPipeline, until_gone
from regard.edge.telephones import is_telephone
from regard.edge.turns import ClientGone, Lane
from regard.errors import InternalServerError, RegardError, RequestTooLarge, UnrecognizedClient
from regard.wire import sigv4
from regard.wire.canonical_request import SignedRequest, folded
from regard.wire.cross_origin import CrossOrigin
from regard.wire.schema import Operation
from regard.wire.serialize import check_output
from regard.wire.service import Handler, Headers, Service
from regard.wire.validate import validate

log = logging.getLogger(__name__)

#: A body up to this is hashed on the event loop: 0.1 ms, as long as the way to a thread and back.
_SMALL_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the endpoint behaves.

    `body_limit` is in bytes: two images of the largest size, in base64, and room to spare; `plain_limit` is that of an
    operation that takes no image: the longest list of ids, ten times over. A body must arrive within `body_seconds`.
    `oversize` names the error for a blob that is longer than its shape allows. `strict_output` checks
    every result against its shape. `prefixes` are paths that are answered at as "/" is.
    """

    regions: tuple[str, ...]
    cross_origin: CrossOrigin = field(default_factory=CrossOrigin)
    prefixes: tuple[str, ...] = ()
    body_limit: int = 16 * 1024 * 1024
    plain_limit: int = 1024 * 1024
    body_seconds: float = 180.0
    oversize: Mapping[str, type[RegardError]] = field(default_factory=dict)
    strict_output: bool = False
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


def endpoint(
    services: Sequence[Service], *, credentials: sigv4.Credentials, pipeline: RequestPipeline, options: Options
) -> list[Route]:
    """The routes that answer for `services`; the first also answers requests meant for none of them.

    `pipeline` is the one that all doors of the server share.
    """
    made = _Endpoint(services, credentials, pipeline, options)
    paths = ["/", *(prefix + end for prefix in options.prefixes for end in ("", "/"))]
    doors = (("POST", made.post), ("OPTIONS", made.preflight))
    return [Route(path, door, methods=[method]) for path in paths for method, door in doors]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What a call asks for, and who does it here."""

    operation: Operation
    handler: Handler

    @property
    def lane(self) -> Lane:
        """Where there is a picture to look at, there is a model to run."""
        return Lane.MODEL if self.operation.takes_blob else Lane.STORE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One call, before it is known whose it is."""

    service: Service
    request: Request
    headers: Headers
    exchange: Exchange
    cross_origin: Mapping[str, str]

    def task(self, body: bytes | None = None) -> _Task | None:
        """What is asked for; found, as AWS does, before asking who is calling.

        None if only the body tells, and there is no body yet. Raises as `Codec.name`, and AccessDenied for an operation
        without a handler.
        """
        operation = self.service.operation(self.headers, body)
        if operation is None:
            return None
        self.exchange.operation = operation.name
        return _Task(operation=operation, handler=self.service.handler(operation))

    def succeed(self, content: bytes, headers: Mapping[str, str]) -> Response:
        return self._respond(200, None, content, headers)

    def fail(self, error: RegardError) -> Response:
        status, content = self.service.codec.encode_error(error, self.exchange.request_id)
        self.exchange.detail = error.detail
        # Of a body that is too long the rest is not read, so that no other request can follow on its connection.
        headers = {"Connection": "close"} if isinstance(error, RequestTooLarge) else {}
        return self._respond(status, error.code, content, headers)

    def _respond(self, status: int, code: str | None, content: bytes, headers: Mapping[str, str]) -> Response:
        headers = {**headers, **self.cross_origin, "x-amzn-RequestId": self.exchange.request_id}
        response = Response(content, status, headers, self.service.codec.content_type)
        self.exchange.end(status, code, len(content))
        return response


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sender:
    """Who a request says it is from, and the credential that will tell."""

    claim: sigv4.Claim
    credential: Credential


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
        self._prefixed = tuple(f"{prefix}{end}".encode() for prefix in options.prefixes for end in ("/", ""))

    async def post(self, request: Request) -> Response:
        headers = folded(request.headers.raw)
        service = self._service(headers)
        exchange = Exchange(service=service.schema.service)
        call = _Call(
            service=service,
            request=request,
            headers=headers,
            exchange=exchange,
            cross_origin=self._options.cross_origin.headers(headers),
        )
        with self._pipeline.recorded(exchange):
            try:
                return await self._respond(call)
            except (ClientDisconnect, ClientGone):
                exchange.abandon()
                return Response(status_code=exchange.status)

    async def preflight(self, request: Request) -> Response:
        """What a browser asks before it sends a request of another site's page. It takes no place and is not logged."""
        headers = self._options.cross_origin.preflight(folded(request.headers.raw))
        return Response(headers={**headers, "Allow": "GET, HEAD, OPTIONS, POST"})

    def _service(self, headers: Headers) -> Service:
        return next((service for service in self._services if service.codec.claims(headers)), self._services[0])

    async def _respond(self, call: _Call) -> Response:
        """First what costs least; what computes or waits for a store happens in a thread."""
        body = Body(call.request.stream(), headers=call.headers)
        try:
            task = call.task()
            limits = self._limits(call.service, task)
            body.check(limits)
            sender = None
            if task is not None:
                sender = await self._sender(call)
                self._pipeline.expect(sender.credential.principal, lane=task.lane, size=body.declared or 0)
            async with self._pipeline.receive(call.exchange, body, limits) as content:
                task = task or call.task(content)
                if task is None:
                    raise RuntimeError("a codec must name the operation once it has the body")
                principal = await self._who(call, task, sender, content)
            return await self._pipeline.perform(
                call.exchange,
                principal,
                lane=task.lane,
                gone=partial(until_gone, call.request.receive),
                work=partial(self._answer, call, task, principal, content),
            )
        except (ClientDisconnect, ClientGone):
            raise
        except Exception as error:  # the loop top: whatever went wrong, the server goes on
            return self._failed(call, error)

    async def _who(self, call: _Call, task: _Task, sender: _Sender | None, content: bytes) -> Principal:
        """Who signed it, or who vouches for what clients do not sign."""
        voucher = call.service.vouchers.get(task.operation.name)
        if voucher is None:
            return await self._signer(call, sender or await self._sender(call), content)

        def vouched() -> Principal:
            operation = task.operation
            return voucher(validate(operation.input, call.service.codec.parse(operation, content)))

        principal, client = await self._pipeline.aside(vouched), call.request.client
        return replace(principal, address=client.host if client else "")

    async def _sender(self, call: _Call) -> _Sender:
        """Who says to have sent it. Raises as `sigv4.claim`, and UnrecognizedClient if nobody has that key."""
        regions, elsewhere = self._options.regions, call.service.global_region
        claim = sigv4.claim(
            call.headers,
            regions=(*regions, elsewhere) if elsewhere else regions,
            service=call.service.schema.service,
            now=self._options.clock(),
        )
        named = (claim.authorization.access_key_id, claim.token)
        credential = self._credentials.recall(*named)
        if credential is None:
            credential = await self._pipeline.aside(partial(self._credentials.lookup, *named))
        if credential is None:
            raise UnrecognizedClient
        return _Sender(claim=claim, credential=credential)

    def _limits(self, service: Service, task: _Task | None) -> BodyLimits:
        most = service.body_limit or self._options.body_limit
        if task is not None and not task.operation.takes_blob:
            most = min(most, self._options.plain_limit)
        return BodyLimits(most_bytes=most, seconds=self._options.body_seconds)

    async def _signer(self, call: _Call, sender: _Sender, body: bytes) -> Principal:
        """Who did send it. Raises as `sigv4.verify`."""
        scope = call.request.scope
        signed = SignedRequest(
            method=call.request.method,
            path=scope["raw_path"],
            query=scope["query_string"],
            headers=call.headers,
            body=body,
            other_paths=self._prefixed if scope["raw_path"] == b"/" else (),
        )
        verify = partial(sigv4.verify, signed, sender.claim, sender.credential)
        principal = verify() if len(body) <= _SMALL_BODY_BYTES else await self._pipeline.aside(verify)
        connection: Connection | None = scope.get(CONNECTION_KEY)
        if connection is not None:
            connection.vouch()
        if is_telephone(call.headers.get(b"user-agent", b"").decode("latin-1")):
            return replace(principal, phone=True)
        return principal

    def _answer(self, call: _Call, task: _Task, principal: Principal, body: bytes) -> Response:
        """In a thread, in the caller's turn."""
        operation, exchange, codec = task.operation, call.exchange, call.service.codec
        arguments = validate(operation.input, codec.parse(operation, body), self._options.oversize)
        with self._pipeline.observer.performing(operation.name, exchange.request_id):
            result = task.handler(principal, arguments, exchange.request_id)
        if self._options.strict_output:
            check_output(operation.output, result.members)
        return call.succeed(codec.encode_result(operation, result.members, exchange.request_id), result.headers)

    def _failed(self, call: _Call, error: Exception) -> Response:
        """The answer to an error; one that is not the client's is told in the log."""
        name, request_id = call.exchange.operation, call.exchange.request_id
        if not isinstance(error, RegardError):
            log.error("%s: request %s failed", name, request_id, exc_info=error)
            return call.fail(InternalServerError())
        if isinstance(error, InternalServerError):
            log.error("%s: request %s: %s", name, request_id, error.message)
        return call.fail(error)
