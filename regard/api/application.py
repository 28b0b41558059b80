"""The native API as one ASGI application, mounted at `/v1`: FastAPI reads what is sent and describes the routes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from regard.api.door import SERVICE, Door
from regard.api.native_routes import NativeRoute, RouteFamily
from regard.api.problems import MEDIA_TYPE, Problem, unknown
from regard.edge.exchange import Exchange
from regard.edge.request_pipeline import RequestPipeline

_DESCRIPTION = """Sign in with `POST /v1/sign-in`, and send the token with every other request, as
`Authorization: Bearer TOKEN`. Errors are problem details (RFC 9457)."""

_SCHEMA = "#/components/schemas/{model}"
#: Only describes the token: the door reads it.
_BEARER = HTTPBearer(auto_error=False, description="The token of POST /v1/sign-in")


class _Described(FastAPI):
    """FastAPI, whose description has what a problem looks like."""

    def openapi(self) -> dict[str, Any]:
        described = super().openapi()
        described["components"]["schemas"]["Problem"] = Problem.model_json_schema(ref_template=_SCHEMA)
        return described


def native_api(families: Sequence[RouteFamily], door: Door, pipeline: RequestPipeline) -> FastAPI:
    """The application, whose requests go through `door`; `pipeline` records those that no route is for."""
    application = _Described(
        title="Regard",
        version=version("regard"),
        description=_DESCRIPTION,
        docs_url=None,  # those pages load scripts from another host
        redoc_url=None,
        redirect_slashes=False,  # it would send clients to whatever host they name
        separate_input_output_schemas=False,
    )
    for route in (each for family in families for each in family.routes()):
        _add(application, route, door)

    async def nowhere(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        exchange = Exchange(service=SERVICE)
        with pipeline.recorded(exchange):
            response = unknown(status, exchange.request_id, getattr(error, "headers", None))
            exchange.end(status, "UnknownOperationException", len(response.body))
        return response

    application.add_exception_handler(HTTPException, nowhere)
    return application


def _add(application: FastAPI, route: NativeRoute, door: Door) -> None:
    class Way(APIRoute):
        """FastAPI's route, with the door around its handler."""

        def get_route_handler(self) -> Callable[[Request], Any]:
            return door.way_in(route, super().get_route_handler())

    application.router.add_api_route(
        route.path,
        door.endpoint(route),
        methods=[route.method],
        status_code=route.status,
        summary=route.summary,
        operation_id=f"{route.method} {route.path}",
        responses=_responses(route),
        dependencies=[] if route.strangers else [Depends(_BEARER)],
        response_class=Response if route.media else JSONResponse,
        route_class_override=Way,
    )


def _responses(route: NativeRoute) -> dict[int | str, dict[str, Any]]:
    """What is described of a route's answers, beside the shape that its function returns."""
    problem = {"schema": {"$ref": _SCHEMA.format(model="Problem")}}
    found: dict[int | str, dict[str, Any]] = {"default": {"description": "A problem", "content": {MEDIA_TYPE: problem}}}
    if route.media:
        content = {media: {"schema": {"type": "string"}} for media in route.media}
        found[route.status] = {"description": "The answer", "content": content}
    return found
