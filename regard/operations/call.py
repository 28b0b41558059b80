"""One call of an operation: the grant from the gate, and the validated input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from regard.accountability.gate import Grant
from regard.domain.results import Result

Request = TypeVar("Request")


@dataclass(frozen=True, slots=True)
class Call(Generic[Request]):
    """`request` is the input, with the service model's names; types-boto3-rekognition has its type."""

    grant: Grant
    request: Request
    request_id: str = ""

    @property
    def region(self) -> str:
        """The Region that the request was signed for."""
        return self.grant.caller.principal.region


#: What a family lists. Each has an input type of its own, which the service model has checked.
Operation = Callable[[Call[Any]], Result]


@dataclass(frozen=True, slots=True)
class LookFirst:
    """An operation that looks at what may take long, such as an object in S3, before it writes: `look` gives what it
    then does. No transaction is open while it looks, and a request that is sent again need not look again."""

    look: Callable[[Call[Any]], Callable[[], Result]]

    def __call__(self, call: Call[Any]) -> Result:
        return self.look(call)()


class Family(Protocol):
    """Operations that belong together, with the doors they need."""

    def operations(self) -> dict[str, Operation]:
        """The operations by their names in the service model."""
