"""The nouns every floor shares: frozen, validated in construction, columnar where there are many of one thing.

Coordinates are ratios of the upright image's width and height (0..1, may leave the image by a little);
an embedding is a unit vector, so a dot product is a cosine.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Flag, StrEnum, auto
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
HalfArray = NDArray[np.float16]
IntArray = NDArray[np.int64]
ByteArray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in ratios of the image's sides."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A decoded picture: `pixels` is H×W×3 RGB uint8, upright; `width` and `height` are the upright original's.

    `pixels` may be a scaled decode of the original.
    """

    pixels: ByteArray
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectName:
    """Where a stored image lies."""

    bucket: str
    name: str
    version: str | None = None


class Detail(Flag):
    """What a caller wants known of a face beyond its box, score and five points. Each costs its own model runs."""

    NONE = 0
    EMBEDDING = auto()
    QUALITY = auto()
    POSE = auto()
    CONTOUR = auto()
    AGE = auto()
    GENDER = auto()
    EMOTIONS = auto()
    EYES_OPEN = auto()
    MOUTH_OPEN = auto()


#: The order of the columns of `Faces.emotions`.
EMOTIONS = ("angry", "disgusted", "fear", "happy", "sad", "surprised", "calm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """N faces of one picture, largest first, one row each; a column nobody asked for is None.

    Boxes and points are ratios of the upright picture's sides; points and pose are as seen in the picture: left is left
    there, yaw is positive when the nose turns right, pitch when it lifts, roll when the face tilts clockwise.
    """

    #: N×4: left, top, width, height.
    boxes: FloatArray
    #: N, the detector's own score, 0..1.
    scores: FloatArray
    #: N×5×2: left eye, right eye, nose, left and right corner of the mouth.
    points: FloatArray
    #: N×D unit rows.
    embeddings: FloatArray | None = None
    #: N×2: brightness and sharpness, 0..100.
    quality: FloatArray | None = None
    #: N×3: yaw, pitch, roll in degrees.
    pose: FloatArray | None = None
    #: N×68×2, the points of the iBUG 300-W scheme.
    contour: FloatArray | None = None
    #: N, years.
    age: FloatArray | None = None
    #: N, how far the model reads the face as female rather than male, 0..1.
    female: FloatArray | None = None
    #: N×7, a probability for each of EMOTIONS.
    emotions: FloatArray | None = None
    #: N, probability that the eyes are open.
    eyes_open: FloatArray | None = None
    #: N, the gap between the lips as a ratio of the mouth's inner width.
    mouth_gap: FloatArray | None = None

    def __post_init__(self) -> None:
        n = len(self.boxes)
        if self.boxes.shape != (n, 4) or self.scores.shape != (n,) or self.points.shape != (n, 5, 2):
            raise ValueError(f"columns disagree: {self.boxes.shape} {self.scores.shape} {self.points.shape}")
        for name, column in self._columns().items():
            if len(column) != n:
                raise ValueError(f"{name} holds {len(column)} rows for {n} faces")

    def __len__(self) -> int:
        return len(self.boxes)

    def box(self, row: int) -> Box:
        left, top, width, height = (float(v) for v in self.boxes[row])
        return Box(left=left, top=top, width=width, height=height)

    def take(self, rows: IntArray | slice) -> Faces:
        """The same columns for `rows`, in that order."""
        return Faces(**{name: column[rows] for name, column in self._columns().items()})

    def _columns(self) -> dict[str, FloatArray]:
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: column for name, column in columns.items() if column is not None}


#: The indexes a collection can live in: each server's own, or the one that all share.
EMBEDDED, MILVUS = "embedded", "milvus"


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
    #: Whose it is, by the client's name for them.
    user_id: str | None = None


class UserStatus(StrEnum):
    """CREATED: no faces yet, so nobody can find them. ACTIVE: the vector covers every face of theirs."""

    CREATED = "CREATED"
    ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person of a collection, found by one vector made of their faces. `key` is the row, `id` the client's name."""

    key: int
    id: str
    status: UserStatus


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
class Session:
    """Temporary credentials that a principal took on: their own key id, the role and the name it gave them."""

    access_key_id: str
    role: str
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is calling: the holder of a lasting access key, through a session or not."""

    access_key_id: str
    name: str
    session: Session | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """The secret behind an access key, and whose it is."""

    secret: str = field(repr=False)
    principal: Principal


class Progress(Protocol):
    """How long work reports itself: `total` may be None while it is unknown."""

    def __call__(self, description: str, done: int, total: int | None) -> None: ...


class Meter(Protocol):
    """Told what the recognition path did, from any thread; quick, and never raises."""

    def model_ran(self, model: str, seconds: float) -> None: ...

    def faces_found(self, count: int) -> None: ...
