"""One way to drive all clients, each as people install it: nothing is set but endpoint, Region and key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import pytest


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where a client goes, and as whom."""

    url: str
    key: str
    secret: str
    token: str | None = None
    region: str = "us-east-1"
    service: str = "rekognition"


class Fault(Exception):
    """The error that a client reports; `retries` is how often it tried again before it did."""

    def __init__(self, code: str, message: str, retries: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retries = retries


@dataclass(frozen=True, kw_only=True)
class Driver(ABC):
    """A client and where it is pointed. AWS's member names go in and come out; blobs are bytes, times are datetimes."""

    #: Its paginator gives all pages in one.
    joins_pages: ClassVar[bool] = False

    access: Access

    def pointed(self, **changes: Any) -> Self:
        """The same client, with another key, Region or service."""
        return replace(self, access=replace(self.access, **changes))

    @abstractmethod
    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Raises Fault for the service's error."""

    @abstractmethod
    def pages(self, operation: str, size: int, **parameters: Any) -> list[dict[str, Any]]:
        """What the client's own paginator gives for pages of `size`."""

    def refused(self, operation: str, **parameters: Any) -> Fault:
        """The fault that a call meets."""
        with pytest.raises(Fault) as caught:
            self.call(operation, **parameters)
        return caught.value
