"""What a route of the native API is, and how one is added.

A family is a frozen class with the doors it needs, as in `operations/`. It lists its routes, and each is a plain method
that takes a `Call` first and then what FastAPI reads from the path, the query and the body:

    @dataclass(frozen=True, slots=True, kw_only=True)
    class CaseRoutes:
        cases: Cases

        def routes(self) -> tuple[NativeRoute, ...]:
            return (NativeRoute("GET", "/cases/{case_id}", self.show, Action.READ, "Show a case"),)

        def show(self, call: Call, case_id: str) -> CaseShown:  # a pydantic model
            return CaseShown.of(self.cases.show(call.grant, case_id))

The method runs in a thread, in the caller's turn, inside the gate: "GET /v1/cases/{case_id}" must stand in
`permissions.toml`, and the family in `bootstrap/native_api.py`. What it raises becomes a problem (`problems.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from regard.accountability.gate import Grant
from regard.domain.authority import Act, Action
from regard.domain.callers import Principal, Sender
from regard.edge.turns import Lane

#: Before every path.
PREFIX = "/v1"
#: Bytes of a body that holds no picture.
_PLAIN_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a route: the grant from the gate."""

    grant: Grant
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class StrangersCall:
    """One call of a route by somebody who is not known yet. Once they are, `known` opens the gate for them, and `keep`
    has their browser keep the token of their sign-in, if it asks for that: it says whether it will."""

    known: Callable[[Principal], AbstractContextManager[Grant]]
    keep: Callable[[str, datetime], bool]
    #: Whether the browser keeps a token already.
    kept: bool = False
    request_id: str = ""
    sender: Sender = field(default_factory=Sender)


@dataclass(frozen=True, slots=True)
class NativeRoute:
    """A route. `collection` names the parameter that says which collection it is about, `threshold` and `count` those
    that limit a search, each a member of the body where that is called `given`; `default_threshold` is taken where none
    is said. `chosen_collection` is one that whoever runs the server chose, whatever is asked. `lane` is what it needs,
    `most_bytes` the longest body it reads, and `media` the types of an answer that is no JSON. `strangers` are let in
    where they sign in: the function takes a `StrangersCall`. All others need a token. A browser forgets its own where
    the route `ends_sign_in`.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    function: Callable[..., Any]
    action: Action
    summary: str
    collection: str | None = None
    chosen_collection: str | None = None
    threshold: str | None = None
    default_threshold: float | None = None
    count: str | None = None
    status: int = 200
    lane: Lane = Lane.STORE
    most_bytes: int = _PLAIN_BYTES
    media: Sequence[str] = ()
    strangers: bool = False
    ends_sign_in: bool = False
    all_collections: bool = False
    #: Whether it says who is like whom, though it only reads: a suspension stops it.
    compares: bool = False
    #: What is looked at: still, recorded or live.
    medium: str = "still"

    @property
    def operation(self) -> str:
        """Its name to the gate, in the log and in `permissions.toml`."""
        return f"{self.method} {PREFIX}{self.path}"

    def act(self, given: Mapping[str, Any]) -> Act:
        """What is asked for, from the parameters of a call."""
        threshold, said = _said(given, self.threshold)
        return Act(
            action=self.action,
            operation=self.operation,
            collection=self.chosen_collection or _said(given, self.collection)[0],
            threshold=self.default_threshold if threshold is None else threshold,
            threshold_implied=self.threshold is not None and not said,
            all_collections=self.all_collections,
            compares=self.compares,
            medium=self.medium,
            count=_said(given, self.count)[0],
        )


class RouteFamily(Protocol):
    """Routes that belong together, with the doors they need."""

    def routes(self) -> Sequence[NativeRoute]: ...


def _said(given: Mapping[str, Any], name: str | None) -> tuple[Any, bool]:
    """A parameter of a call or a member of its body, and whether the caller said it."""
    if name is None:
        return None, False
    body = given.get("given")
    if isinstance(body, BaseModel) and name in type(body).model_fields:
        value = getattr(body, name)
        return value, value is not None and name in body.model_fields_set
    return given.get(name), given.get(name) is not None
