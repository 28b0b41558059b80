"""`/v1/faces`, `/v1/labels`, `/v1/text`: what one picture shows. Nothing of it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from regard.api.gallery_shapes import DetectedFace, DetectedFaces
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import PICTURE_BYTES, BoxShown, Given, Percent, Picture, Shown
from regard.domain.authority import Action
from regard.domain.faces import Faces
from regard.domain.labels import Label, LabelOptions
from regard.domain.text import Line, Word
from regard.edge.turns import Lane
from regard.engine.analysis.face_detection import FaceDetection
from regard.engine.analysis.label_detection import LabelDetection
from regard.engine.analysis.quality_filter import DESCRIBED
from regard.engine.analysis.text_analyzer import LEAST_CONFIDENCE, TextDetection, TextFilter


class PictureGiven(Given):
    image: Picture


class LabelsGiven(Given):
    """A picture, the lowest confidence of a label, and how many at most."""

    image: Picture
    threshold: Percent = 55.0
    most: Annotated[int, Field(ge=1, le=1000)] = 100


class TextGiven(Given):
    """A picture, and the lowest confidence of a word."""

    image: Picture
    threshold: Percent = LEAST_CONFIDENCE


class InstanceShown(Shown):
    box: BoxShown
    confidence: float


class LabelShown(Shown):
    """A word for something in a picture, and where it was seen."""

    name: str
    confidence: float
    category: str
    parents: list[str]
    instances: list[InstanceShown]

    @classmethod
    def of(cls, label: Label) -> LabelShown:
        return cls.model_validate(label)


class LabelsShown(Shown):
    """The most certain first."""

    model: str
    labels: list[LabelShown]


class WordShown(Shown):
    """`corners` are x and y in ratios of the picture's sides, clockwise from the upper left of what is written."""

    text: str
    confidence: float
    corners: list[tuple[float, float]]

    @classmethod
    def of(cls, word: Word) -> WordShown:
        return cls(text=word.text, confidence=word.confidence, corners=_corners(word))


class LineShown(WordShown):
    """A line, and its words in the order they are read in."""

    words: list[WordShown]

    @classmethod
    def of_line(cls, line: Line) -> LineShown:
        words = [WordShown.of(each) for each in line.words]
        return cls(text=line.text, confidence=line.confidence, corners=_corners(line), words=words)


class TextShown(Shown):
    model: str
    lines: list[LineShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRoutes:
    detection: FaceDetection
    labels: LabelDetection
    text: TextDetection

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            _detect("/faces", self.find_faces, "Find the faces in a picture, and how well they are seen"),
            _detect("/labels", self.find_labels, "Say what is in a picture", threshold="threshold", count="most"),
            _detect("/text", self.read, "Read what is written in a picture"),
        )

    def find_faces(self, call: Call, given: PictureGiven) -> DetectedFaces:
        found = self.detection.detect(call.grant, given.image, DESCRIBED)
        return DetectedFaces(
            width=found.image.width,
            height=found.image.height,
            faces=[_face(found.faces, row) for row in range(len(found.faces))],
        )

    def find_labels(self, call: Call, given: LabelsGiven) -> LabelsShown:
        found = self.labels.detect(call.grant, given.image, LabelOptions(least=given.threshold, most=given.most))
        return LabelsShown(model=found.model, labels=[LabelShown.of(each) for each in found.labels or ()])

    def read(self, call: Call, given: TextGiven) -> TextShown:
        found = self.text.detect(call.grant, given.image, TextFilter(confidence=given.threshold))
        return TextShown(model=found.model, lines=[LineShown.of_line(each) for each in found.lines])


def _detect(
    path: str, function: Callable[..., BaseModel], summary: str, threshold: str | None = None, count: str | None = None
) -> NativeRoute:
    return NativeRoute(
        "POST",
        path,
        function,
        Action.DETECT,
        summary,
        threshold=threshold,
        count=count,
        lane=Lane.MODEL,
        most_bytes=PICTURE_BYTES,
    )


def _face(faces: Faces, row: int) -> DetectedFace:
    if faces.quality is None or faces.pose is None:
        raise ValueError("quality and pose were not told")
    brightness, sharpness = (float(each) for each in faces.quality[row])
    yaw, pitch, roll = (float(each) for each in faces.pose[row])
    return DetectedFace(
        box=BoxShown.model_validate(faces.box(row)),
        confidence=faces.confidence(row),
        brightness=brightness,
        sharpness=sharpness,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
    )


def _corners(found: Word | Line) -> list[tuple[float, float]]:
    return [(x, y) for x, y in np.clip(found.corners, 0, 1).tolist()]
