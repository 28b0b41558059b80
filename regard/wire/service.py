"""One AWS service of the endpoint: its operations, their handlers, and the protocol that spells both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from regard.domain.callers import Principal
from regard.domain.results import Result
from regard.errors import AccessDenied, RegardError, UnknownOperation
from regard.wire.schema import Operation, Schema

Handler = Callable[[Principal, Mapping[str, Any], str], Result]
"""One operation: from the caller, the validated input and the request's id to the result. Raises RegardError."""

Voucher = Callable[[Mapping[str, Any]], Principal]
"""Of an operation that is not signed: from the validated input, who asks. Raises RegardError for a stranger."""

Headers = Mapping[bytes, bytes]
"""A request's headers, folded: lower-case names."""


class Codec(Protocol):
    """One of AWS's protocols, as one service speaks it."""

    @property
    def content_type(self) -> str:
        """The media type of every answer."""

    def claims(self, headers: Headers, /) -> bool:
        """Whether a request with these headers is meant for the service."""

    def name(self, headers: Headers, body: bytes | None, /) -> str | None:
        """The name of the operation asked for; None if only the body tells, and it has not been read yet.

        Raises UnknownOperation or Serialization if no name can be found.
        """

    def parse(self, operation: Operation, body: bytes, /) -> Mapping[str, Any]:
        """The input in `body` in the types of JSON, for `validate`. Raises Serialization."""

    def encode_result(self, operation: Operation, members: Mapping[str, Any], request_id: str, /) -> bytes:
        """The body of an answer with these members of the output shape. Raises TypeError or ValueError if they do not
        fit it."""

    def encode_error(self, error: RegardError, request_id: str, /) -> tuple[int, bytes]:
        """The HTTP status and the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`body_limit` is in bytes, the endpoint's own unless set; clients may also sign for `global_region`. `vouchers`
    are for operations that clients do not sign; only a codec that finds the operation in the body can have them.

    Raises ValueError for a handler of an operation that the model does not have.
    """

    schema: Schema
    codec: Codec
    handlers: Mapping[str, Handler]
    body_limit: int | None = None
    global_region: str | None = None
    vouchers: Mapping[str, Voucher] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.handlers) - set(self.schema.operations)):
            raise ValueError(f"not operations of the service model: {', '.join(unknown)}")

    def operation(self, headers: Headers, body: bytes | None) -> Operation | None:
        """The operation asked for; None while only the unread body could tell. Raises as `Codec.name`."""
        name = self.codec.name(headers, body)
        if name is None:
            return None
        if name not in self.schema.operations:
            raise UnknownOperation
        return self.schema.operations[name]

    def handler(self, operation: Operation) -> Handler:
        """The handler of `operation`. Raises AccessDenied if there is none yet."""
        if operation.name not in self.handlers:
            # Of the exceptions that all operations share, the one that no client retries, and that has nobody look for
            # a fault in the input, as InvalidParameter would, or wait for room, as Throttling would.
            raise AccessDenied(f"This server does not provide {operation.name} yet.")
        return self.handlers[operation.name]
