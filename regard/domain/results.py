"""What an operation answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class SpelledList:
    """A list of what was spelled as JSON before, in the shape's own members and types: it is sent as it is."""

    items: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`members` by the names of the operation's output shape; `headers` go beside them, as HTTP headers in Latin-1."""

    members: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
