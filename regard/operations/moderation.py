"""DetectModerationLabels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regard.domain.results import Result
from regard.engine.analysis.moderation_analyzer import LEAST_CONFIDENCE, Moderation
from regard.errors import InvalidParameter, ResourceNotFound
from regard.operations.call import Call, Operation
from regard.operations.face_shapes import image_reference

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import DetectModerationLabelsRequestTypeDef


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationOperations:
    moderation: Moderation

    def operations(self) -> dict[str, Operation]:
        return {"DetectModerationLabels": self.detect_moderation_labels}

    def detect_moderation_labels(self, call: Call[DetectModerationLabelsRequestTypeDef]) -> Result:
        if "HumanLoopConfig" in call.request:
            raise InvalidParameter(
                f"{InvalidParameter.__doc__}: HumanLoopConfig asks for a review in Amazon Augmented AI, which this "
                "server cannot start. Leave it out, and have people look at what you get."
            )
        if "ProjectVersion" in call.request:
            raise ResourceNotFound(
                "ProjectVersion names an adapter, a custom model; this server has none. Leave it out to use its model."
            )
        picture, least = image_reference(call.request["Image"]), call.request.get("MinConfidence", LEAST_CONFIDENCE)
        found = self.moderation.detect(call.grant, picture, least)
        return Result(
            members={
                "ModerationLabels": [
                    {
                        "Confidence": label.confidence,
                        "Name": label.name,
                        "ParentName": label.parent,
                        "TaxonomyLevel": label.level,
                    }
                    for label in found.labels
                ],
                "ModerationModelVersion": found.model,
                "ContentTypes": [],
            }
        )
