"""Errors as problem details (RFC 9457): a status of HTTP's own, and what to do about it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from regard import errors
from regard.errors import RegardError

#: AWS answers nearly everything with 400; HTTP has statuses of its own. An error that is not here keeps its own.
STATUSES: Mapping[type[RegardError], int] = {
    errors.AccessDenied: 403,
    errors.Conflict: 409,
    errors.ExpiredToken: 401,
    errors.IdempotentParameterMismatch: 409,
    errors.ImageTooLarge: 413,
    errors.InvalidImageFormat: 415,
    errors.LimitExceeded: 409,
    errors.MissingAuthenticationToken: 401,
    errors.ProvisionedThroughputExceeded: 429,
    errors.RequestTimeout: 408,
    errors.ResourceAlreadyExists: 409,
    errors.ResourceInUse: 409,
    errors.ResourceNotFound: 404,
    errors.ServiceQuotaExceeded: 409,
    errors.Throttling: 429,
    errors.UnrecognizedClient: 401,
}
MEDIA_TYPE = "application/problem+json"
#: To AWS's clients the same is said in AWS's own words.
_FAULT = "The server has a fault, which its log tells. Try again."
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Problem(BaseModel):
    """Problem details (RFC 9457): `code` is that of the documentation's errors; `errors` are there where the request is
    not of the form that its route takes; `current` is what is there now, where somebody else has changed it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[dict[str, str]] | None = None
    current: dict[str, Any] | None = None


def status_of(error: RegardError) -> int:
    return STATUSES.get(type(error), error.status)


def problem(error: RegardError, request_id: str) -> Response:
    """The answer to an error of Regard's own."""
    current = error.current if isinstance(error, errors.Conflict) else None
    members = {} if current is None else {"current": dict(current)}
    detail = _FAULT if error.public == errors.InternalServerError.__doc__ else error.public
    return _problem(status_of(error), error.code, detail, request_id, **members)


def invalid(faults: Sequence[Mapping[str, Any]], request_id: str) -> Response:
    """The answer to a request that is not of the form that its route takes; what was sent is not repeated."""
    said = [{"at": ".".join(map(str, each["loc"])), "fault": str(each["msg"])} for each in faults]
    count = "1 fault" if len(said) == 1 else f"{len(said)} faults"
    detail = f"The request has {count}: " + "; ".join(f"{each['at']}: {each['fault']}" for each in said)
    return _problem(422, "InvalidParameterException", detail, request_id, errors=said)


def unknown(status: int, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer where there is no such route, or none for this method."""
    code = "ResourceNotFoundException" if status == HTTPStatus.NOT_FOUND else "UnknownOperationException"
    detail = "There is no such route; /v1/openapi.json describes those that there are."
    return _problem(status, code, detail, request_id, more_headers=headers)


def _problem(
    status: int,
    code: str,
    detail: str,
    request_id: str,
    *,
    more_headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    name = code.removesuffix("Exception")
    content = {
        "type": f"urn:regard:error:{_WORDS.sub('-', name).lower()}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": name,
        "request_id": request_id,
    } | members
    headers = {"Cache-Control": "no-store", "x-regard-request-id": request_id} | dict(more_headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT):
        headers["Connection"] = "close"  # the rest of the body is not read
    return Response(json.dumps(content, ensure_ascii=False).encode(), status, headers, MEDIA_TYPE)
