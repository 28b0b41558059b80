"""Reading the text of one picture. The door for DetectText and `regard text`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from regard.accountability.gate import Grant
from regard.domain.arrays import FloatArray
from regard.domain.authority import Action
from regard.domain.images import Image, ObjectName
from regard.domain.text import Line, Word
from regard.engine.analysis.image_loader import ImageLoader, Workload
from regard.vision.images.text_detector import detection_bytes
from regard.vision.images.text_models import TextModels
from regard.vision.images.text_recognizer import RUN_BYTES

#: The most words of a picture that are told (Rekognition, "Guidelines and quotas").
MOST_WORDS = 100
#: The least confidence of words that are told unless a client says otherwise (Rekognition, DetectionFilter).
LEAST_CONFIDENCE = 80.0
#: Print of 20 pixels in a picture of 10,000 is 8 pixels then.
_WORKING_SIDE = 3840


def _analysis_bytes(height: int, width: int) -> int:
    return max(detection_bytes(height, width), RUN_BYTES)


TEXT = Workload(longest=_WORKING_SIDE, bytes_for=_analysis_bytes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextFilter:
    """Which words are told: those of that confidence (0..100) or more, whose box has that height and width (ratios of
    the picture's) or more, and whose middle is in one of the regions, N×2 corners in ratios; anywhere without any."""

    confidence: float = LEAST_CONFIDENCE
    height: float = 0.0
    width: float = 0.0
    regions: tuple[FloatArray, ...] = ()

    def takes(self, word: Word) -> bool:
        box = word.box
        return (
            word.confidence >= self.confidence
            and box.height >= self.height
            and box.width >= self.width
            and (not self.regions or any(_is_inside(word.corners.mean(axis=0), region) for region in self.regions))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedText:
    """A picture and its lines in the order they are read in; `model` is the version of the model that read them."""

    image: Image
    lines: list[Line]
    model: str


class TextDetection:
    """Finds and reads text, and stores nothing."""

    def __init__(self, loader: ImageLoader, models: TextModels) -> None:
        self._loader = loader
        self._models = models

    def detect(self, grant: Grant, picture: bytes | ObjectName, chosen: TextFilter) -> DetectedText:
        """The words of a picture that the filter takes, MOST_WORDS at most, in their lines.

        Raises what `ImageLoader.reading` raises, and ResourceNotReady if the models are not installed.
        """
        grant.require(Action.DETECT)
        reader = self._models.reader()  # before the picture takes memory
        with self._loader.reading(picture, workload=TEXT) as (opened,):
            grant.note(pictures=[opened.image_id])
            image = opened.load().image
            lines = chosen_lines(reader.lines(image.pixels), chosen)
            grant.note(found=sum(len(line.words) for line in lines))
            return DetectedText(image=image, lines=lines, model=self._models.version)


def chosen_lines(lines: Iterable[Line], chosen: TextFilter) -> list[Line]:
    """The lines with the words that the filter takes. What comes after MOST_WORDS is not even read."""
    told: list[Line] = []
    left = MOST_WORDS
    for line in lines:
        if words := [word for word in line.words if chosen.takes(word)][:left]:
            told.append(Line(words=tuple(words)))
            left -= len(words)
        if not left:
            break
    return told


def _is_inside(point: FloatArray, corners: FloatArray) -> bool:
    """Whether a point is in a polygon: a ray from it to the right crosses an odd number of its edges."""
    (x, y), following = point.tolist(), np.roll(corners, -1, axis=0)
    crossing = (corners[:, 1] > y) != (following[:, 1] > y)
    (x1, y1), (x2, y2) = corners[crossing].T, following[crossing].T
    return bool(np.count_nonzero(x < x1 + (y - y1) / (y2 - y1) * (x2 - x1)) % 2)
