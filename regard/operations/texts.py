"""DetectText."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.results import Result
from regard.domain.text import Line, Word
from regard.engine.analysis.text_analyzer import LEAST_CONFIDENCE, TextDetection, TextFilter
from regard.errors import InvalidParameter
from regard.operations.call import Call, Operation
from regard.operations.face_shapes import bounding_box, image_reference

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import DetectTextFiltersTypeDef, DetectTextRequestTypeDef


#: By how much a region may leave the picture: clients compute with ratios.
_ROUNDING = 0.01
#: A region whose corners are so near to one straight line has no area.
_FLAT = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOperations:
    text: TextDetection

    def operations(self) -> dict[str, Operation]:
        return {"DetectText": self.detect_text}

    def detect_text(self, call: Call[DetectTextRequestTypeDef]) -> Result:
        chosen = text_filter(call.request.get("Filters") or {})
        found = self.text.detect(call.grant, image_reference(call.request["Image"]), chosen)
        return Result(members={"TextDetections": text_detections(found.lines), "TextModelVersion": found.model})


def text_filter(filters: DetectTextFiltersTypeDef) -> TextFilter:
    """Raises InvalidParameter for a region that is none."""
    words = filters.get("WordFilter") or {}
    return TextFilter(
        confidence=words.get("MinConfidence", LEAST_CONFIDENCE),
        height=words.get("MinBoundingBoxHeight", 0.0),
        width=words.get("MinBoundingBoxWidth", 0.0),
        regions=tuple(_region(each) for each in filters.get("RegionsOfInterest") or ()),
    )


def text_detections(lines: list[Line]) -> list[dict[str, Any]]:
    """The lines as TextDetections, then the words of each; every one has a number of its own."""
    numbers = count(len(lines))
    return [
        *(_detection("LINE", number, line) for number, line in enumerate(lines)),
        *(
            _detection("WORD", next(numbers), word) | {"ParentId": number}
            for number, line in enumerate(lines)
            for word in line.words
        ),
    ]


def _detection(kind: str, number: int, found: Line | Word) -> dict[str, Any]:
    return {
        "DetectedText": found.text,
        "Type": kind,
        "Id": number,
        "Confidence": found.confidence,
        "Geometry": {
            "BoundingBox": bounding_box(found.box),
            "Polygon": [{"X": x, "Y": y} for x, y in np.clip(found.corners, 0, 1).tolist()],
        },
    }


def _region(region: Any) -> FloatArray:
    corners = np.array([*_polygon(region)], np.float64).reshape(-1, 2)
    outside = (corners < -_ROUNDING) | (corners > 1 + _ROUNDING)
    if len(corners) < 3 or outside.any() or np.linalg.matrix_rank(corners - corners[0], tol=_FLAT) < 2:
        raise InvalidParameter(
            f"{InvalidParameter.__doc__}: a region of interest needs either a BoundingBox, with Left, Top, Width and "
            "Height, or a Polygon of three points or more, with X and Y; all of them ratios of the picture's sides, "
            "within the picture, 0 to 1, and with some area between them."
        )
    return corners.astype(np.float32)


def _polygon(region: Any) -> Iterator[tuple[float, float]]:
    """The corners of a region of interest, none of one that is not whole."""
    box, polygon = region.get("BoundingBox"), region.get("Polygon")
    if box is not None and polygon is None and {"Left", "Top", "Width", "Height"} <= set(box):
        if min(box["Width"], box["Height"]) <= 0:
            return
        left, top, right, bottom = box["Left"], box["Top"], box["Left"] + box["Width"], box["Top"] + box["Height"]
        yield from ((left, top), (right, top), (right, bottom), (left, bottom))
    elif polygon is not None and box is None and all({"X", "Y"} <= set(point) for point in polygon):
        yield from ((point["X"], point["Y"]) for point in polygon)
