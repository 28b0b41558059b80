"""Faces found in one image, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import Flag, StrEnum, auto

import numpy as np

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.images import Box


class Detail(Flag):
    """What a caller wants to know of a face beyond its box, score and five landmarks. Each costs its own model runs."""

    NONE = 0
    EMBEDDING = auto()
    QUALITY = auto()
    POSE = auto()
    LANDMARKS68 = auto()
    AGE = auto()
    GENDER = auto()
    EMOTIONS = auto()
    EYES_OPEN = auto()
    MOUTH_OPEN = auto()
    SMILE = auto()
    LANDMARKS30 = auto()
    EYE_DIRECTION = auto()
    OCCLUDED = auto()
    GLASSES = auto()


class QualityLevel(StrEnum):
    """How good a face must be, by the service model's names (QualityFilter)."""

    NONE = "NONE"
    AUTO = "AUTO"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


#: The least share of women, or of men, at which a face's gender is told; the others' is not.
LEAST_GENDER_SHARE = 0.75
#: The order of `Faces.landmarks30`, by the service model's names. The first five are those of the detector.
LANDMARK_TYPES = (
    *("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight"),
    *("leftEyeBrowLeft", "leftEyeBrowUp", "leftEyeBrowRight", "rightEyeBrowLeft", "rightEyeBrowUp"),
    *("rightEyeBrowRight", "leftEyeLeft", "leftEyeRight", "leftEyeUp", "leftEyeDown"),
    *("rightEyeLeft", "rightEyeRight", "rightEyeUp", "rightEyeDown", "noseLeft"),
    *("noseRight", "mouthUp", "mouthDown", "leftPupil", "rightPupil"),
    *("upperJawlineLeft", "midJawlineLeft", "chinBottom", "midJawlineRight", "upperJawlineRight"),
)
#: The order of the columns of `Faces.emotions`.
EMOTIONS = ("angry", "disgusted", "fear", "happy", "sad", "surprised", "calm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """N faces of one picture, largest first, one row each; a column that was not asked for is None.

    Boxes and landmarks are ratios of the upright picture's sides. Landmarks and pose are as seen in the picture: left
    is left there, yaw is positive when the nose turns right, pitch when it lifts, roll when the face tilts clockwise.
    """

    #: N×4: left, top, width, height.
    boxes: FloatArray
    #: N, the detector's own score, 0..1: what the quality filter's bars are for.
    scores: FloatArray
    #: N×5×2: left eye, right eye, nose, left and right corner of the mouth.
    landmarks5: FloatArray
    #: N, 0..100: the share of faces among all that looks as much like one. Scores × 100 where that was not measured.
    confidences: FloatArray | None = None
    #: N×D unit rows.
    embeddings: FloatArray | None = None
    #: N, how much of whose face it is the picture still shows, 0..100; None also for embedders that cannot tell.
    utility: FloatArray | None = None
    #: N×2: brightness and sharpness, 0..100.
    quality: FloatArray | None = None
    #: N×3: yaw, pitch, roll in degrees.
    pose: FloatArray | None = None
    #: N×68×2, the points of the iBUG 300-W scheme.
    landmarks68: FloatArray | None = None
    #: N×2, years: from and to.
    age_range: FloatArray | None = None
    #: N, the measured share of women among the faces that read like this one, 0..1.
    female: FloatArray | None = None
    #: N×7, the measured share of each of EMOTIONS among the faces that read like this one.
    emotions: FloatArray | None = None
    #: N, the measured share of faces read like this one that smile; and so on for the five below.
    smile: FloatArray | None = None
    eyes_open: FloatArray | None = None
    mouth_open: FloatArray | None = None
    occluded: FloatArray | None = None
    eyeglasses: FloatArray | None = None
    sunglasses: FloatArray | None = None
    #: N×30×2, in the order of LANDMARK_TYPES.
    landmarks30: FloatArray | None = None
    #: N×3: yaw and pitch of the eyes in degrees, as of the head, and by how many two readings of them differ.
    eye_direction: FloatArray | None = None

    def __post_init__(self) -> None:
        n = len(self.boxes)
        if self.boxes.shape != (n, 4) or self.scores.shape != (n,) or self.landmarks5.shape != (n, 5, 2):
            raise ValueError(f"columns disagree: {self.boxes.shape} {self.scores.shape} {self.landmarks5.shape}")
        for name, column in self._columns().items():
            if len(column) != n:
                raise ValueError(f"{name} holds {len(column)} rows for {n} faces")

    def __len__(self) -> int:
        return len(self.boxes)

    def box(self, row: int) -> Box:
        left, top, width, height = (float(v) for v in self.boxes[row])
        return Box(left=left, top=top, width=width, height=height)

    def confidence(self, row: int) -> float:
        """The percentage 0..100 that answers give; the score where its meaning was not measured."""
        percent = self.scores[row] * 100 if self.confidences is None else self.confidences[row]
        return min(float(percent), 100.0)

    def take(self, rows: IntArray | slice) -> Faces:
        """The same columns for `rows`, in that order."""
        return Faces(**{name: column[rows] for name, column in self._columns().items()})

    @staticmethod
    def joined(parts: Sequence[Faces]) -> Faces:
        """The rows of all `parts`, one at least, which have the same columns."""
        names = parts[0]._columns()
        return Faces(**{name: np.concatenate([part._columns()[name] for part in parts]) for name in names})

    def _columns(self) -> dict[str, FloatArray]:
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: column for name, column in columns.items() if column is not None}


def joined(parts: Sequence[Faces]) -> Faces:
    """The faces of one picture that were dealt with in parts, which have the same columns."""
    columns = [part._columns() for part in parts]
    return Faces(**{name: np.concatenate([each[name] for each in columns]) for name in columns[0]})
