"""What an operation answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


class PlainList(list[Any]):
    """Of what was spelled as JSON before, in the shape's own members and types: it is sent as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`members` by the names of the operation's output shape; `headers` go beside them, as HTTP headers in Latin-1."""

    members: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
