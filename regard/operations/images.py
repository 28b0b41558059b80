"""DetectLabels, DetectProtectiveEquipment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regard.domain.labels import Filters, LabelOptions
from regard.domain.results import Result
from regard.engine.analysis.label_detection import LabelDetection
from regard.engine.analysis.protective_equipment import ProtectiveEquipment, summarised
from regard.operations.acts import LABEL_CONFIDENCE, MOST_LABELS
from regard.operations.call import Call, Operation
from regard.operations.equipment_shapes import person_shape, summary_shape
from regard.operations.face_shapes import image_reference
from regard.operations.label_shapes import label_shape, properties_shape

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import (
        DetectLabelsRequestTypeDef,
        DetectProtectiveEquipmentRequestTypeDef,
        GeneralLabelsSettingsTypeDef,
    )

_MOST_COLOURS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOperations:
    labels: LabelDetection
    equipment: ProtectiveEquipment

    def operations(self) -> dict[str, Operation]:
        return {
            "DetectLabels": self.detect_labels,
            "DetectProtectiveEquipment": self.detect_protective_equipment,
        }

    def detect_labels(self, call: Call[DetectLabelsRequestTypeDef]) -> Result:
        picture = image_reference(call.request["Image"])
        found = self.labels.detect(call.grant, picture, _options(call))
        members: dict[str, object] = {"LabelModelVersion": found.model}
        if found.labels is not None:
            members["Labels"] = [label_shape(label) for label in found.labels]
        if found.properties is not None:
            members["ImageProperties"] = properties_shape(found.properties)
        return Result(members=members)

    def detect_protective_equipment(self, call: Call[DetectProtectiveEquipmentRequestTypeDef]) -> Result:
        found = self.equipment.detect(call.grant, image_reference(call.request["Image"]))
        members: dict[str, object] = {
            "ProtectiveEquipmentModelVersion": found.model,
            "Persons": [person_shape(person, row) for row, person in enumerate(found.persons)],
        }
        if (asked := call.request.get("SummarizationAttributes")) is not None:
            summary = summarised(found.persons, asked["RequiredEquipmentTypes"], asked["MinConfidence"])
            members["Summary"] = summary_shape(summary)
        return Result(members=members)


def _options(call: Call[DetectLabelsRequestTypeDef]) -> LabelOptions:
    act, settings = call.grant.act, call.request.get("Settings", {})
    features = call.request.get("Features") or ["GENERAL_LABELS"]
    colours = settings.get("ImageProperties", {}).get("MaxDominantColors", _MOST_COLOURS)
    return LabelOptions(
        labels="GENERAL_LABELS" in features,
        properties="IMAGE_PROPERTIES" in features,
        least=LABEL_CONFIDENCE if act.threshold is None else act.threshold,
        most=MOST_LABELS if act.count is None else min(act.count, MOST_LABELS),
        colours=colours,
        filters=_filters(settings.get("GeneralLabels", {})),
    )


def _filters(settings: GeneralLabelsSettingsTypeDef) -> Filters:
    return Filters(
        names=frozenset(settings.get("LabelInclusionFilters", ())),
        not_names=frozenset(settings.get("LabelExclusionFilters", ())),
        categories=frozenset(settings.get("LabelCategoryInclusionFilters", ())),
        not_categories=frozenset(settings.get("LabelCategoryExclusionFilters", ())),
    )
