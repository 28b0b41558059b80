"""Which faces are good enough to enrol or to search for, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regard.domain.arrays import IntArray
from regard.domain.faces import Detail, Faces
from regard.domain.images import Image

#: What must be known of a face to judge it.
DESCRIBED = Detail.QUALITY | Detail.POSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The minimum for a face: pixels across, score 0..1, brightness and sharpness 0..100; and its maximum turn."""

    pixels: float
    score: float
    brightness: float
    sharpness: float
    max_turn: float


#: Rekognition's levels (docs/reference/quality.md). AUTO keeps all that the embedder can tell apart.
BARS: dict[str, Bar | None] = {
    "NONE": None,
    "AUTO": Bar(pixels=12, score=0.50, brightness=5, sharpness=5, max_turn=75),
    "LOW": Bar(pixels=16, score=0.55, brightness=8, sharpness=10, max_turn=70),
    "MEDIUM": Bar(pixels=32, score=0.65, brightness=15, sharpness=30, max_turn=55),
    "HIGH": Bar(pixels=56, score=0.75, brightness=22, sharpness=50, max_turn=40),
}


def reasons(faces: Faces, image: Image, level: str) -> list[list[str]]:
    """For each face, Rekognition's reasons why it is below `level`; an empty list is a pass. Needs quality and pose."""
    bar = BARS[level]
    if bar is None or not len(faces):
        return [[] for _ in range(len(faces))]
    if faces.quality is None or faces.pose is None:
        raise ValueError("the quality filter needs the faces' quality and pose")
    across = np.sqrt(faces.boxes[:, 2] * image.width * faces.boxes[:, 3] * image.height)
    failed = {
        "EXTREME_POSE": np.abs(faces.pose[:, :2]).max(axis=1) > bar.max_turn,
        "LOW_BRIGHTNESS": faces.quality[:, 0] < bar.brightness,
        "LOW_SHARPNESS": faces.quality[:, 1] < bar.sharpness,
        "LOW_CONFIDENCE": faces.scores < bar.score,
        "SMALL_BOUNDING_BOX": across < bar.pixels,
    }
    return [[reason for reason, rows in failed.items() if rows[row]] for row in range(len(faces))]


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
