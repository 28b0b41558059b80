"""What a bucket holds, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedObject:
    """An object of a bucket, without its content. `size` is in bytes."""

    name: str
    size: int
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPage:
    """Some of a bucket's objects whose names begin alike, and, in place of those behind a further slash, what their
    names begin with up to it: the folders. `next` is where the page after it begins; None if there is none."""

    folders: Sequence[str]
    objects: Sequence[ListedObject]
    next: str | None = None
