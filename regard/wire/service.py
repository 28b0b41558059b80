"""One AWS service of the endpoint: what it may be asked, who answers, and how both are spelt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from regard.domain.callers import Principal
from regard.errors import AccessDenied, RegardError, UnknownOperation
from regard.wire.schema import Operation, Schema, Shape

Handler = Callable[[Principal, Mapping[str, Any]], Mapping[str, Any]]
"""One operation: who calls and the validated input; the result, by the names of the output shape."""

Headers = Mapping[bytes, bytes]
"""A request's headers, folded: lower-case names."""


class Codec(Protocol):
    """One of AWS's protocols, as spoken by one service."""

    @property
    def content_type(self) -> str:
        """What every answer is."""

    def claims(self, headers: Headers, /) -> bool:
        """Whether a request with these headers is meant for the service."""

    def name(self, headers: Headers, body: bytes | None, /) -> str | None:
        """The name of the operation asked for; None where only the body tells, and it is not read yet.

        Raises UnknownOperation or Serialization where there is no name to be found.
        """

    def parse(self, shape: Shape, body: bytes, /) -> Any:
        """The input in `body` as JSON's types, for `validate`. Raises Serialization."""

    def encode_result(self, operation: Operation, result: Mapping[str, Any], request_id: str, /) -> bytes: ...

    def encode_error(self, error: RegardError, request_id: str, /) -> tuple[int, bytes]:
        """The HTTP status and the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`body_limit` is in bytes, the endpoint's own unless set; `global_region` is one that clients may sign for too.

    Raises ValueError for a handler whose name the model does not have.
    """

    schema: Schema
    codec: Codec
    handlers: Mapping[str, Handler]
    body_limit: int | None = None
    global_region: str | None = None

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.handlers) - set(self.schema.operations)):
            raise ValueError(f"not operations of the service model: {', '.join(unknown)}")

    def operation(self, headers: Headers, body: bytes | None) -> Operation | None:
        """What is asked for, None while only the unread body could tell. Raises as `Codec.name`."""
        name = self.codec.name(headers, body)
        if name is None:
            return None
        if name not in self.schema.operations:
            raise UnknownOperation
        return self.schema.operations[name]

    def handler(self, operation: Operation) -> Handler:
        """Who answers `operation`. Raises AccessDenied where nobody does yet."""
        if operation.name not in self.handlers:
            # Of the exceptions that all operations share, the one no client retries, and that sends nobody looking for
            # a fault in the input, as InvalidParameter would, or waiting for room, as a quota would.
            raise AccessDenied(f"This server does not provide {operation.name} yet.")
        return self.handlers[operation.name]
