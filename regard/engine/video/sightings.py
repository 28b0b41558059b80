"""What is told of single looks: faces, labels, text and moderation, each as the items of a job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from regard.domain.labels import Filters
from regard.engine.analysis.moderation_analyzer import EXPLICIT
from regard.engine.analysis.text_analyzer import chosen_lines
from regard.engine.jobs.task import Item
from regard.engine.video.looks import Look
from regard.engine.video.spelling import Spelling

#: What one look is told as.
See = Callable[[Look], Iterable[Item]]
#: What Rekognition never tells of a face in a video.
_NEVER_TOLD = ("FaceOccluded", "EyeDirection")


def faces(request: Mapping[str, Any], spelling: Spelling) -> See:
    asked = (request["FaceAttributes"],)

    def see(look: Look) -> Iterable[Item]:
        for row in range(len(look.faces)):
            face = spelling.face(look.faces, row, asked)
            told = {name: value for name, value in face.items() if name not in _NEVER_TOLD}
            yield {"at": look.at, "Timestamp": look.at, "Face": told}

    return see


def labels(request: Mapping[str, Any], spelling: Spelling) -> See:
    least, filters = float(request["MinConfidence"]), label_filters(request.get("Settings", {}))

    def see(look: Look) -> Iterable[Item]:
        for label in look.findings.labels(least):
            if filters.keeps(label):
                keys = {"at": look.at, "name": label.name, "confidence": label.confidence}
                yield {**keys, "Timestamp": look.at, "Label": spelling.label(label)}

    return see


def label_filters(settings: Mapping[str, Any]) -> Filters:
    """The four lists of AWS's Settings.GeneralLabels."""
    lists = settings.get("GeneralLabels") or {}
    return Filters(
        names=frozenset(lists.get("LabelInclusionFilters", ())),
        not_names=frozenset(lists.get("LabelExclusionFilters", ())),
        categories=frozenset(lists.get("LabelCategoryInclusionFilters", ())),
        not_categories=frozenset(lists.get("LabelCategoryExclusionFilters", ())),
    )


def text(request: Mapping[str, Any], spelling: Spelling) -> See:
    chosen = spelling.text_filter(request.get("Filters", {}))

    def see(look: Look) -> Iterable[Item]:
        for found in spelling.text(chosen_lines(look.lines, chosen)):
            yield {"at": look.at, "Timestamp": look.at, "TextDetection": found}

    return see


def moderation(request: Mapping[str, Any], _: Spelling) -> See:
    least = float(request["MinConfidence"])

    def see(look: Look) -> Iterable[Item]:
        percent = look.explicit_percent
        if percent >= least:
            label = {"Name": EXPLICIT, "Confidence": percent, "ParentName": "", "TaxonomyLevel": 1}
            keys = {"at": look.at, "name": EXPLICIT, "confidence": percent}
            yield {**keys, "Timestamp": look.at, "ModerationLabel": label, "ContentTypes": []}

    return see
