"""The way of a request through the native API: the same pipeline as that of AWS's clients, and the same gate."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial, wraps
from typing import Any, get_type_hints

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from regard.accountability.gate import Gate, Grant
from regard.accountability.sign_in import SignIn
from regard.api.browser_session import forget, is_console, keep, keeps, kept_token
from regard.api.native_routes import Call, NativeRoute, StrangersCall
from regard.api.problems import invalid, problem, status_of
from regard.domain.authority import Caller, Channel
from regard.domain.callers import Principal, Sender
from regard.edge.body import Body, BodyLimits
from regard.edge.compressed_body import expanded
from regard.edge.connections import CONNECTION_KEY, Connection, network
from regard.edge.devices import device_of
from regard.edge.exchange import Exchange
from regard.edge.rates import Rate, RateLimiter
from regard.edge.request_pipeline import RequestPipeline, until_gone
from regard.edge.telephones import is_telephone
from regard.edge.turns import ClientGone, Lane
from regard.errors import (
    InternalServerError,
    MissingAuthenticationToken,
    ProvisionedThroughputExceeded,
    RegardError,
    Serialization,
    Throttling,
)

log = logging.getLogger(__name__)

SERVICE = "regard"
#: The header that names the authorisation that somebody acts under.
AUTHORISATION_HEADER = "x-regard-authorisation"
_BODY_SECONDS = 180.0
#: All who are not known yet are one caller, to the queue: however many they are, they take turns with one another.
_STRANGER = Principal(access_key_id="-", name="not signed in")
#: Attempts to sign in from one address: twenty at once, then two a second.
_ATTEMPTS = Rate(rate=2, burst=20)

Handle = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True, kw_only=True)
class _Visit:
    """One request on its way, and who sent it."""

    exchange: Exchange
    request: Request
    principal: Principal | None = None
    #: The token of a sign-in that began here, for the browser to keep, and when it ends.
    kept: tuple[str, datetime] | None = None

    @property
    def caller(self) -> Caller:
        if self.principal is None:
            raise RuntimeError("a route was reached before it was known who is asking")
        return Caller(
            principal=self.principal,
            channel=Channel.API,
            request_id=self.exchange.request_id,
            authorisation=self.request.headers.get(AUTHORISATION_HEADER, ""),
        )

    def keep(self, token: str, ends_at: datetime) -> bool:
        """Have the browser keep it, if the console asks: then the answer need not tell it."""
        if is_console(self.request):
            self.kept = (token, ends_at)
        return self.kept is not None


class Door:
    """Lets requests in, gives each a turn, and opens the gate for it."""

    def __init__(self, *, pipeline: RequestPipeline, gate: Gate, sign_in: SignIn) -> None:
        self._pipeline = pipeline
        self._gate = gate
        self._sign_in = sign_in
        self._attempts = RateLimiter({"default": _ATTEMPTS})

    def way_in(self, route: NativeRoute, handle: Handle) -> Handle:
        """Around FastAPI's own handling of a route: who is asking, the body, and the answer to every error."""

        async def answer(request: Request) -> Response:
            visit = _Visit(exchange=Exchange(service=SERVICE, operation=route.operation), request=request)
            with self._pipeline.recorded(visit.exchange):
                try:
                    return await self._answer(visit, route, handle)
                except (ClientDisconnect, ClientGone):
                    visit.exchange.abandon()
                    return Response(status_code=visit.exchange.status)

        return answer

    def endpoint(self, route: NativeRoute) -> Callable[..., Awaitable[Any]]:
        """What FastAPI calls in place of a route's function: the function itself, in a thread, in the caller's turn,
        inside the gate. It has the function's parameters, with the request in place of the call."""
        signature = inspect.signature(route.function)
        hints = get_type_hints(route.function, include_extras=True)
        first, *others = signature.parameters.values()
        typed = [each.replace(annotation=hints[each.name]) for each in others]
        request = inspect.Parameter(first.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)

        @wraps(route.function)
        async def called(**given: Any) -> Any:
            visit: _Visit = given.pop(first.name).scope[SERVICE]
            return await self._perform(visit, route, given)

        answer = hints["return"] if hints["return"] is not type(None) else None
        called.__signature__ = inspect.Signature([request, *typed], return_annotation=answer)  # type: ignore[attr-defined]
        return called

    async def _answer(self, visit: _Visit, route: NativeRoute, handle: Handle) -> Response:
        exchange = visit.exchange
        try:
            response = await self._received(visit, route, handle)
            if visit.kept is not None:
                keep(visit.request, response, *visit.kept)
            elif route.ends_sign_in:
                forget(visit.request, response)
        except (ClientDisconnect, ClientGone):
            raise
        except RequestValidationError as error:
            response = invalid(error.errors(), exchange.request_id)
            exchange.end(response.status_code, "InvalidParameterException", len(response.body))
            return response
        except HTTPException:  # FastAPI could not read the body
            return self._failed(exchange, Serialization())
        except Exception as error:  # the loop top: whatever went wrong, the server goes on
            return self._failed(exchange, error)
        response.headers["x-regard-request-id"] = exchange.request_id
        response.headers["Cache-Control"] = "no-store"
        exchange.end(response.status_code, None, 0 if isinstance(response, StreamingResponse) else len(response.body))
        return response

    async def _received(self, visit: _Visit, route: NativeRoute, handle: Handle) -> Response:
        """Who is asking, then the body, then the rest: first what costs least."""
        request, limits = visit.request, BodyLimits(most_bytes=route.most_bytes, seconds=_BODY_SECONDS)
        headers = dict(request.headers.raw)
        body = Body(expanded(request.stream(), headers), headers=headers)
        body.check(limits)
        if not route.strangers:
            visit.principal = await self._known(request)
            self._pipeline.expect(visit.principal, lane=route.lane, size=body.declared or 0)
        elif route.method != "GET":
            self._allow_attempt(request)
        async with self._pipeline.receive(visit.exchange, body, limits) as content:
            request.scope[SERVICE] = visit
            return await handle(Request(request.scope, _once(content)))

    async def _known(self, request: Request) -> Principal:
        """Who signed in. Raises MissingAuthenticationToken, and as `SignIn.lookup`."""
        kind, _, said = request.headers.get("authorization", "").partition(" ")
        token = said.strip() if kind.lower() == "bearer" else kept_token(request)
        if not token:
            raise MissingAuthenticationToken(
                "Sign in with POST /v1/sign-in, and send its token: Authorization: Bearer TOKEN."
            )
        principal = self._sign_in.recall(token)
        if principal is None:
            principal = await self._pipeline.aside(partial(self._sign_in.lookup, token, _sender(request)))
        connection: Connection | None = request.scope.get(CONNECTION_KEY)
        if connection is not None:
            connection.vouch()
        return replace(principal, phone=is_telephone(request.headers.get("user-agent", "")))

    def _allow_attempt(self, request: Request) -> None:
        """Raises Throttling if too many attempts came from one address."""
        address = network(request.client.host if request.client else "")
        try:
            self._attempts.check(Principal(access_key_id=address, name=address), "sign-in")
        except ProvisionedThroughputExceeded as error:
            raise Throttling("Slow down; too many attempts to sign in come from your address.") from error

    async def _perform(self, visit: _Visit, route: NativeRoute, given: Mapping[str, Any]) -> Any:
        exchange, sender = visit.exchange, visit.principal or _STRANGER
        lane = Lane.SIGN_IN if route.strangers else route.lane
        work = partial(self._inside, visit, route, given)
        gone = partial(until_gone, visit.request.receive)
        return await self._pipeline.perform(exchange, sender, lane=lane, gone=gone, work=work)

    def _inside(self, visit: _Visit, route: NativeRoute, given: Mapping[str, Any]) -> Any:
        """In a thread, in the caller's turn."""
        request_id = visit.exchange.request_id
        with self._pipeline.observer.performing(route.operation, request_id):
            if route.strangers:
                known = partial(self._known_now, visit, route)
                call = StrangersCall(known, visit.keep, keeps(visit.request), request_id, _sender(visit.request))
                return route.function(call, **given)
            with self._gate.open(visit.caller, route.act(given)) as grant:
                return route.function(Call(grant, request_id), **given)

    def _known_now(self, visit: _Visit, route: NativeRoute, principal: Principal) -> AbstractContextManager[Grant]:
        visit.principal = visit.exchange.principal = principal
        return self._gate.open(visit.caller, route.act({}))

    def _failed(self, exchange: Exchange, error: Exception) -> Response:
        """The answer to an error; one that is not the client's is told in the log."""
        name, request_id = exchange.operation, exchange.request_id
        if not isinstance(error, RegardError):
            log.error("%s: request %s failed", name, request_id, exc_info=error)
            error = InternalServerError()
        elif isinstance(error, InternalServerError):
            log.error("%s: request %s: %s", name, request_id, error.message)
        response = problem(error, request_id)
        exchange.detail = error.detail
        exchange.end(status_of(error), error.code, len(response.body))
        return response


def _sender(request: Request) -> Sender:
    address = request.client.host if request.client else ""
    return Sender(device=device_of(request.headers.get("user-agent", "")), address=address)


def _once(content: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    """The body that was received, for FastAPI to read."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    return receive
