"""`/v1/faces`, `/v1/labels`, `/v1/text`, `/v1/moderation`: what one picture shows, sent or stored. Nothing of it is
kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from regard.api.gallery_shapes import DetectedFace, DetectedFaces
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import PICTURE_BYTES, BoxShown, Percent, PictureGiven, Shown
from regard.domain.authority import Action
from regard.domain.faces import Faces
from regard.domain.labels import Label, LabelOptions, Region
from regard.domain.text import Line, Word
from regard.edge.turns import Lane
from regard.engine.analysis.face_detection import FaceDetection
from regard.engine.analysis.label_detection import LabelDetection
from regard.engine.analysis.moderation_analyzer import LEAST_CONFIDENCE as LEAST_MODERATION
from regard.engine.analysis.moderation_analyzer import Moderation
from regard.engine.analysis.quality_filter import DESCRIBED
from regard.engine.analysis.text_analyzer import LEAST_CONFIDENCE, TextDetection, TextFilter


class LabelsGiven(PictureGiven):
    """A picture, the lowest confidence of a label, how many at most, and whether to say how the picture looks."""

    threshold: Percent = 55.0
    most: Annotated[int, Field(ge=1, le=1000)] = 100
    properties: bool = False


class TextGiven(PictureGiven):
    """A picture, and the lowest confidence of a word."""

    threshold: Percent = LEAST_CONFIDENCE


class ModerationGiven(PictureGiven):
    """A picture, and the lowest confidence of a label."""

    threshold: Percent = LEAST_MODERATION


class ColourShown(Shown):
    """A colour, by the plain word for it and by CSS's, and how much of what was looked at has it: 0 to 100."""

    red: int
    green: int
    blue: int
    css: str
    plain: str
    percent: float


class LookShown(Shown):
    """How a picture looks: brightness, sharpness and contrast from 0 to 100, and its colours, most first."""

    brightness: float
    sharpness: float
    contrast: float | None
    colours: list[ColourShown]

    @classmethod
    def of(cls, found: Region) -> LookShown:
        quality = found.quality
        return cls(
            brightness=quality.brightness,
            sharpness=quality.sharpness,
            contrast=quality.contrast,
            colours=[ColourShown.model_validate(each) for each in found.colours],
        )


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
    """The most certain first; and how the picture looks, if that was asked for."""

    model: str
    labels: list[LabelShown]
    look: LookShown | None


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


class ModerationLabelShown(Shown):
    name: str
    confidence: float


class ModerationShown(Shown):
    """What is to be looked at before the picture is shown to others; `labels` is empty where there is nothing."""

    model: str
    labels: list[ModerationLabelShown]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRoutes:
    detection: FaceDetection
    labels: LabelDetection
    text: TextDetection
    moderation: Moderation

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            _detect("/faces", self.find_faces, "Find the faces in a picture, and how well they are seen"),
            _detect("/labels", self.find_labels, "Say what is in a picture", threshold="threshold", count="most"),
            _detect("/text", self.read, "Read what is written in a picture"),
            _detect("/moderation", self.moderate, "Judge the content of a picture", threshold="threshold"),
        )

    def find_faces(self, call: Call, given: PictureGiven) -> DetectedFaces:
        found = self.detection.detect(call.grant, given.picture, DESCRIBED)
        return DetectedFaces(
            width=found.image.width,
            height=found.image.height,
            faces=[_face(found.faces, row) for row in range(len(found.faces))],
        )

    def find_labels(self, call: Call, given: LabelsGiven) -> LabelsShown:
        options = LabelOptions(least=given.threshold, most=given.most, properties=given.properties)
        found = self.labels.detect(call.grant, given.picture, options)
        return LabelsShown(
            model=found.model,
            labels=[LabelShown.of(each) for each in found.labels or ()],
            look=None if found.properties is None else LookShown.of(found.properties.whole),
        )

    def read(self, call: Call, given: TextGiven) -> TextShown:
        found = self.text.detect(call.grant, given.picture, TextFilter(confidence=given.threshold))
        return TextShown(model=found.model, lines=[LineShown.of_line(each) for each in found.lines])

    def moderate(self, call: Call, given: ModerationGiven) -> ModerationShown:
        found = self.moderation.detect(call.grant, given.picture, given.threshold)
        return ModerationShown(
            model=found.model, labels=[ModerationLabelShown.model_validate(each) for each in found.labels]
        )


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
