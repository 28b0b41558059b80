"""Finding again faces whose places in their pictures are known, and embedding them. List in, list out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.faces import Detail, Faces
from regard.domain.images import Box, Image
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.engine.analysis.image_loader import bytes_needed
from regard.engine.analysis.memory_budget import MemoryBudget
from regard.engine.analysis.picture_files import open_file
from regard.errors import RegardError

#: How much of two boxes together they must share to be those of one face: detectors differ in what they draw around.
_LEAST_OVERLAP = 0.4
#: Width and height of the picture that the models are tried out on.
_TRIAL_PIXELS = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPicture:
    """A picture's file, its id, and the boxes of its faces by their ids."""

    path: str
    image_id: str
    boxes: Mapping[str, Box]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAgain:
    """The new embeddings, D long, by face id; and why the others were not found."""

    embeddings: Mapping[str, FloatArray]
    missing: Mapping[str, str]


class FaceFinder:
    """Finds each face where it was, and embeds it with the analyzer's model. Thread-safe."""

    def __init__(self, analyzer: FaceAnalyzer, memory: MemoryBudget | None = None) -> None:
        self._analyzer = analyzer
        self._memory = memory or MemoryBudget.unlimited()

    def __call__(self, pictures: Sequence[KnownPicture], /) -> list[FoundAgain]:
        return [self._found(picture) for picture in pictures]

    def try_out(self) -> None:
        """Run the models once. Raises ModelUnavailable if they cannot run here."""
        side = _TRIAL_PIXELS
        black = Image(pixels=np.zeros((side, side, 3), np.uint8), width=side, height=side)
        self._analyzer.faces([black], Detail.EMBEDDING)

    def _found(self, picture: KnownPicture) -> FoundAgain:
        try:
            opened = open_file(Path(picture.path).read_bytes())
            if opened.image_id != picture.image_id:
                return lost(picture, "its file has changed")
            needed = bytes_needed([opened.needs])
            self._memory.take(needed, patience=math.inf)
            try:
                return self._embedded(picture, opened.load().image)
            finally:
                self._memory.release(needed)
        except OSError as error:
            return lost(picture, f"its file cannot be read: {error.strerror or error}")
        except RegardError as error:
            return lost(picture, error.message)

    def _embedded(self, picture: KnownPicture, image: Image) -> FoundAgain:
        (seen,) = self._analyzer.faces([image], Detail.NONE)
        names, rows = list(picture.boxes), [_most_alike(box, seen) for box in picture.boxes.values()]
        there = [(name, row) for name, row in zip(names, rows, strict=True) if row is not None]
        (found,) = self._analyzer.embedded([image], [seen.take(_whole([row for _, row in there]))])
        if found.embeddings is None:
            raise ValueError("the analyzer returned no embeddings")
        embeddings = {name: found.embeddings[at] for at, (name, _) in enumerate(there)}
        return FoundAgain(
            embeddings=embeddings,
            missing={name: "no face was found there again" for name in names if name not in embeddings},
        )


def lost(picture: KnownPicture, why: str) -> FoundAgain:
    """None of the picture's faces, and the reason."""
    return FoundAgain(embeddings={}, missing=dict.fromkeys(picture.boxes, why))


def _most_alike(box: Box, seen: Faces) -> int | None:
    """The row of the face whose box overlaps this one most, if it is enough for the same face."""
    if not len(seen):
        return None
    low = np.maximum(seen.boxes[:, :2], [box.left, box.top])
    high = np.minimum(seen.boxes[:, :2] + seen.boxes[:, 2:], [box.left + box.width, box.top + box.height])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    overlap = shared / np.maximum(np.prod(seen.boxes[:, 2:], axis=1) + box.width * box.height - shared, 1e-12)
    best = int(np.argmax(overlap))
    return best if overlap[best] >= _LEAST_OVERLAP else None


def _whole(rows: Sequence[int]) -> IntArray:
    return np.array(rows, np.int64)
