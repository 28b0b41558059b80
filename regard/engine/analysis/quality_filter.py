"""Which faces are good enough to enrol or to search for, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from regard.domain.arrays import IntArray
from regard.domain.faces import Detail, Faces
from regard.domain.images import Image
from regard.vision.faces.face_points import FAR_APART, disagreement

#: What is told of a face unless more is asked for.
DESCRIBED = Detail.QUALITY | Detail.POSE
#: What must be known of a face to judge it.
JUDGED = DESCRIBED | Detail.LANDMARKS68


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The minimum for a face: pixels across, score 0..1, brightness, sharpness and utility 0..100; and its maximum
    turn."""

    pixels: float
    score: float
    brightness: float
    sharpness: float
    max_turn: float
    utility: float


#: Rekognition's levels (docs/reference/quality.md). AUTO keeps all that the embedder can tell apart.
BARS: dict[str, Bar | None] = {
    "NONE": None,
    "AUTO": Bar(pixels=12, score=0.50, brightness=5, sharpness=5, max_turn=75, utility=40),
    "LOW": Bar(pixels=16, score=0.55, brightness=8, sharpness=10, max_turn=70, utility=45),
    "MEDIUM": Bar(pixels=32, score=0.65, brightness=15, sharpness=30, max_turn=55, utility=60),
    "HIGH": Bar(pixels=56, score=0.75, brightness=22, sharpness=50, max_turn=40, utility=75),
}


def reasons(faces: Faces, image: Image, level: str) -> list[list[str]]:
    """For each face, Rekognition's reasons why it is below `level`; an empty list passes. Needs quality, pose and the
    68 points: where those and the five are far apart, the face is a profile, or cut off, and one set is wrong."""
    bar = BARS[level]
    if bar is None or not len(faces):
        return [[] for _ in range(len(faces))]
    if faces.quality is None or faces.pose is None or faces.landmarks68 is None:
        raise ValueError("the quality filter needs the faces' quality, pose and 68 points")
    sides = np.array([image.width, image.height], np.float32)
    apart = disagreement(faces.landmarks5 * sides, faces.landmarks68 * sides, faces.boxes[:, 2] * image.width)
    across = np.sqrt(faces.boxes[:, 2] * image.width * faces.boxes[:, 3] * image.height)
    failed = {
        "EXTREME_POSE": (np.abs(faces.pose[:, :2]).max(axis=1) > bar.max_turn) | (apart > FAR_APART),
        "LOW_BRIGHTNESS": faces.quality[:, 0] < bar.brightness,
        "LOW_SHARPNESS": faces.quality[:, 1] < bar.sharpness,
        "LOW_CONFIDENCE": faces.scores < bar.score,
        "SMALL_BOUNDING_BOX": across < bar.pixels,
    }
    return [[reason for reason, rows in failed.items() if rows[row]] for row in range(len(faces))]


def utility_reasons(faces: Faces, level: str) -> list[list[str]]:
    """The same for embedded faces, by what the embedder made of them; all pass where their utility is not known."""
    bar = BARS[level]
    if bar is None or faces.utility is None:
        return [[] for _ in range(len(faces))]
    return [["LOW_FACE_QUALITY"] if poor else [] for poor in faces.utility < bar.utility]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The rows to keep, and the reasons for refusing each of the others."""

    kept: IntArray
    refused: dict[int, list[str]]


def select(faces: Faces, image: Image, level: str, most: int) -> Selection:
    """Refuse faces below the bar, then the smallest ones beyond `most`; `faces` are in order of size."""
    why = reasons(faces, image, level)
    good = [row for row, failed in enumerate(why) if not failed]
    refused = {row: failed for row, failed in enumerate(why) if failed}
    refused |= {row: ["EXCEEDS_MAX_FACES"] for row in good[most:]}
    return Selection(kept=np.array(good[:most], np.int64), refused=refused)


def told(faces: Faces, detail: Detail) -> Faces:
    """The faces without the points that only the filter needed."""
    if detail & (Detail.LANDMARKS68 | Detail.EYES_OPEN | Detail.MOUTH_OPEN):
        return faces
    return replace(faces, landmarks68=None)
