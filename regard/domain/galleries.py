"""Galleries: collections, the faces and users enrolled in them, and what a search finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.images import Box

#: The indexes a collection can live in: each server's own, or the one that all share.
EMBEDDED, MILVUS = "embedded", "milvus"
#: The feeds: kinds of vector that are searched.
FACES, USERS = "faces", "users"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A gallery, bound for life to one face model. `key` is the row; `id` the name a client gave; `index` where it
    lives."""

    key: int
    id: str
    face_model: str
    created_at: datetime
    tags: dict[str, str] = field(default_factory=dict)
    index: str = EMBEDDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One enrolled face as a client sees it; its embedding stays in the store. `key` is the row, unique for ever."""

    key: int
    face_id: str
    image_id: str
    external_image_id: str | None
    box: Box
    confidence: float
    face_model: str
    created_at: datetime
    #: How much of whose face it is its picture still shows, 0 to 100; None where that is not known.
    utility: float | None = None
    #: Whose it is, by the client's name for them.
    user_id: str | None = None


class UserStatus(StrEnum):
    """CREATED: no faces yet, so nobody can find them. ACTIVE: the vector covers every face of theirs."""

    CREATED = "CREATED"
    ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person of a collection, found by one vector made of their faces. `key` is the row, `id` the client's name;
    `version` is another after every change of their faces."""

    key: int
    id: str
    status: UserStatus
    version: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An enrolled face and how like the probe it is: `cosine` in -1..1, `similarity` in 0..100 by the calibration."""

    face: Face
    cosine: float
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMatch:
    """A user and how like the probe they are, as `Match`."""

    user: User
    cosine: float
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """What an index found for one probe, best first: face keys and cosines, the same length."""

    keys: IntArray
    cosines: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Remake:
    """A collection that is being moved to another face model: `source` is what clients see, `target` is hidden until it
    takes the other's place."""

    source: Collection
    target: Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceLeft:
    """A face of the source that the target lacks, and where it is in its picture."""

    key: int
    face_id: str
    image_id: str
    external_image_id: str | None
    box: Box
