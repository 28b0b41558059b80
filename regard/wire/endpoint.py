"""The one `POST /`: every operation of every client comes through here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from regard.domain import Principal
from regard.errors import (
    AccessDenied,
    InternalServerError,
    RegardError,
    RequestTooLarge,
    Serialization,
    UnknownOperation,
)
from regard.wire import document, sigv4
from regard.wire.canonical import SignedRequest, folded
from regard.wire.schema import Operation, Schema
from regard.wire.serialize import check_output, encode_error, encode_result
from regard.wire.validate import validate

Handler = Callable[[Principal, Mapping[str, Any]], Mapping[str, Any]]
"""One operation: who calls and the validated input; the result, by the names of the output shape."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the endpoint behaves.

    `threads` operations run at once; the others wait. `body_limit` is in bytes: two images of the largest size, in
    base64, and room to spare. `oversize` names the error for a blob that is longer than its shape allows.
    `strict_output` checks every result against its shape.
    """

    region: str
    threads: int = 16
    body_limit: int = 16 * 1024 * 1024
    oversize: Mapping[str, type[RegardError]] = field(default_factory=dict)
    strict_output: bool = False
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


def endpoint(
    handlers: Mapping[str, Handler], *, schema: Schema, credentials: sigv4.Credentials, options: Options
) -> Route:
    """The route that answers `handlers`' operations. Raises ValueError for a name the model does not have."""
    if unknown := sorted(set(handlers) - set(schema.operations)):
        raise ValueError(f"not operations of the service model: {', '.join(unknown)}")
    return Route("/", _Endpoint(handlers, schema, credentials, options).post, methods=["POST"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    request_id: str
    operation: Operation
    handler: Handler
    request: SignedRequest


class _Endpoint:
    def __init__(
        self, handlers: Mapping[str, Handler], schema: Schema, credentials: sigv4.Credentials, options: Options
    ) -> None:
        self._handlers = handlers
        self._schema = schema
        self._credentials = credentials
        self._options = options
        self._limiter = CapacityLimiter(options.threads)
        self._content_types = {schema.content_type, "application/x-amz-json-1.0", "application/json", ""}

    async def post(self, request: Request) -> Response:
        """Read the request here; everything that computes or waits for a store happens in a thread."""
        request_id = str(uuid4())
        try:
            operation, handler = self._operation(request)
            body = await _body(request, self._options.body_limit)
        except RegardError as error:
            return self._failure(error, request_id)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        signed = SignedRequest(
            method=request.method,
            path=request.scope["raw_path"],
            query=request.scope["query_string"],
            headers=folded(request.headers.raw),
            body=body,
        )
        call = _Call(request_id=request_id, operation=operation, handler=handler, request=signed)
        return await to_thread.run_sync(self._answer, call, limiter=self._limiter)

    def _operation(self, request: Request) -> tuple[Operation, Handler]:
        """What is asked for; like AWS, before asking who asks."""
        target, _, name = request.headers.get("x-amz-target", "").partition(".")
        if target != self._schema.target or name not in self._schema.operations:
            raise UnknownOperation
        if name not in self._handlers:
            # Of the exceptions that all operations share, the one no client retries, and that sends nobody looking for
            # a fault in the input, as InvalidParameter would, or waiting for room, as a quota would.
            raise AccessDenied(f"This server does not provide {name} yet.")
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type not in self._content_types:
            raise Serialization(f"The Content-Type must be {self._schema.content_type}, not {content_type}")
        return self._schema.operations[name], self._handlers[name]

    def _answer(self, call: _Call) -> Response:
        try:
            content = self._perform(call)
        except RegardError as error:
            if error.status >= InternalServerError.status:
                log.error("%s: request %s: %s", call.operation.name, call.request_id, error.message)
            return self._failure(error, call.request_id)
        except Exception:  # the loop top: whatever went wrong in an operation, the server goes on
            log.exception("%s: request %s failed", call.operation.name, call.request_id)
            return self._failure(InternalServerError(), call.request_id)
        return self._response(200, content, call.request_id)

    def _perform(self, call: _Call) -> bytes:
        options = self._options
        principal = sigv4.verify(
            call.request,
            region=options.region,
            service=self._schema.service,
            credentials=self._credentials,
            now=options.clock(),
        )
        arguments = validate(call.operation.input, document.parse(call.request.body), options.oversize)
        result = call.handler(principal, arguments)
        if options.strict_output:
            check_output(call.operation.output, result)
        return encode_result(call.operation.output, result)

    def _failure(self, error: RegardError, request_id: str) -> Response:
        return self._response(error.status, encode_error(error, request_id), request_id)

    def _response(self, status: int, content: bytes, request_id: str) -> Response:
        return Response(content, status, {"x-amzn-RequestId": request_id}, self._schema.content_type)


async def _body(request: Request, limit: int) -> bytes:
    """The request's body. Raises RequestTooLarge as soon as it is known to be longer than `limit` bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise RequestTooLarge
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise RequestTooLarge
        chunks.append(chunk)
    return b"".join(chunks)
