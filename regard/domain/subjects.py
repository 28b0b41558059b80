"""What is kept of somebody who asks: their faces, on what terms, and the searches that returned them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectFace:
    """A face that is like the one in the picture, and on what terms it is kept."""

    collection: str
    face_id: str
    similarity: float
    external_image_id: str | None
    user_id: str | None
    enrolled_at: datetime
    basis: str | None = None
    source: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectConsent:
    """What they agreed to."""

    collection: str
    subject: str
    purpose: str
    given_at: datetime
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectSearch:
    """A search that returned one of their faces. Who made it is not told."""

    searched_at: datetime
    collection: str
    operation: str
    purpose: str | None
    face_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRecord:
    """Everything that was found. `collections` says how many were looked in, `unread` which could not be, and `closed`
    which are closed: what they hold of the person has to be answered for another way."""

    faces: list[SubjectFace]
    consents: list[SubjectConsent]
    searches: list[SubjectSearch]
    collections: int
    unread: list[str]
    closed: list[str]
