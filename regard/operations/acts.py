"""What each operation is to the gate, in one table; with Rekognition's defaults for what a client leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from regard.domain.authority import Act, Action
from regard.engine.analysis.face_analyzer import MOST_FACES
from regard.operations.arns import collection_in

#: Rekognition's defaults; its limits are in the service model.
THRESHOLD = 80.0
ASSOCIATION_THRESHOLD = 75.0
MOST_MATCHES = 4096
MOST_USERS = 500
LABEL_CONFIDENCE = 55.0
MOST_LABELS = 1000


@dataclass(frozen=True, slots=True)
class ActRule:
    """How an operation's input becomes an act: the members that hold threshold and count, with their defaults, and the
    member that holds attributes: one of them or a list. Where the operator chooses them and no client can, `collection`
    and `chosen_threshold` are those of the settings."""

    action: Action
    threshold: tuple[str, float] | None = None
    count: tuple[str, int] | None = None
    attributes: str | None = None
    collection: str | None = None
    chosen_threshold: float | None = None
    medium: str = "still"

    def act(self, operation: str, request: Mapping[str, Any]) -> Act:
        return Act(
            action=self.action,
            operation=operation,
            collection=self.collection or request.get("CollectionId") or collection_in(request.get("ResourceArn")),
            threshold=request.get(*self.threshold) if self.threshold else self.chosen_threshold,
            threshold_implied=self._implied(request),
            count=request.get(*self.count) if self.count else None,
            attributes=self._attributes(request),
            medium=self.medium,
        )

    def _attributes(self, request: Mapping[str, Any]) -> tuple[str, ...]:
        if self.attributes is None:
            return ()
        asked = request.get(self.attributes) or _ATTRIBUTES
        return (asked,) if isinstance(asked, str) else tuple(asked)

    def _implied(self, request: Mapping[str, Any]) -> bool:
        """Whether the client has not said a threshold, so that a profile's may take its place."""
        return self.chosen_threshold is not None if self.threshold is None else self.threshold[0] not in request


_ATTRIBUTES = ("DEFAULT",)
ACTS: Mapping[str, ActRule] = {
    "AssociateFaces": ActRule(Action.ENROL, threshold=("UserMatchThreshold", ASSOCIATION_THRESHOLD)),
    "CompareFaces": ActRule(Action.COMPARE, threshold=("SimilarityThreshold", THRESHOLD)),
    "CreateCollection": ActRule(Action.ADMINISTER),
    "CreateUser": ActRule(Action.ENROL),
    "DeleteCollection": ActRule(Action.DELETE),
    "DeleteFaces": ActRule(Action.DELETE),
    "DeleteUser": ActRule(Action.DELETE),
    "DescribeCollection": ActRule(Action.READ),
    "DetectFaces": ActRule(Action.DETECT, attributes="Attributes"),
    "DetectLabels": ActRule(
        Action.DETECT, threshold=("MinConfidence", LABEL_CONFIDENCE), count=("MaxLabels", MOST_LABELS)
    ),
    "DetectProtectiveEquipment": ActRule(Action.DETECT),
    "DetectModerationLabels": ActRule(Action.DETECT),
    "DetectText": ActRule(Action.DETECT),
    "DisassociateFaces": ActRule(Action.ENROL),
    "GetCelebrityInfo": ActRule(Action.READ),
    "GetCelebrityRecognition": ActRule(Action.READ),
    "GetContentModeration": ActRule(Action.READ),
    "GetFaceDetection": ActRule(Action.READ),
    "GetFaceSearch": ActRule(Action.READ),
    "GetLabelDetection": ActRule(Action.READ),
    "GetMediaAnalysisJob": ActRule(Action.READ),
    "GetPersonTracking": ActRule(Action.READ),
    "GetSegmentDetection": ActRule(Action.READ),
    "GetTextDetection": ActRule(Action.READ),
    "IndexFaces": ActRule(Action.ENROL, count=("MaxFaces", MOST_FACES), attributes="DetectionAttributes"),
    "ListCollections": ActRule(Action.READ),
    "ListFaces": ActRule(Action.READ),
    "ListMediaAnalysisJobs": ActRule(Action.READ),
    "ListTagsForResource": ActRule(Action.READ),
    "ListUsers": ActRule(Action.READ),
    "RecognizeCelebrities": ActRule(Action.SEARCH),
    "SearchFaces": ActRule(
        Action.SEARCH, threshold=("FaceMatchThreshold", THRESHOLD), count=("MaxFaces", MOST_MATCHES)
    ),
    "SearchFacesByImage": ActRule(
        Action.SEARCH, threshold=("FaceMatchThreshold", THRESHOLD), count=("MaxFaces", MOST_MATCHES)
    ),
    "SearchUsers": ActRule(Action.SEARCH, threshold=("UserMatchThreshold", THRESHOLD), count=("MaxUsers", MOST_USERS)),
    "SearchUsersByImage": ActRule(
        Action.SEARCH, threshold=("UserMatchThreshold", THRESHOLD), count=("MaxUsers", MOST_USERS)
    ),
    "StartCelebrityRecognition": ActRule(Action.SEARCH, medium="recorded"),
    "StartContentModeration": ActRule(Action.DETECT, medium="recorded"),
    "StartFaceDetection": ActRule(Action.DETECT, attributes="FaceAttributes", medium="recorded"),
    "StartFaceSearch": ActRule(Action.SEARCH, threshold=("FaceMatchThreshold", THRESHOLD), medium="recorded"),
    "StartLabelDetection": ActRule(Action.DETECT, medium="recorded"),
    "StartMediaAnalysisJob": ActRule(Action.DETECT),
    # Whoever follows a person through a recording looks for somebody: what profiles ask of a search holds.
    "StartPersonTracking": ActRule(Action.SEARCH, chosen_threshold=0.0, medium="recorded"),
    "StartSegmentDetection": ActRule(Action.DETECT, medium="recorded"),
    "StartTextDetection": ActRule(Action.DETECT, medium="recorded"),
    "TagResource": ActRule(Action.ADMINISTER),
    "UntagResource": ActRule(Action.ADMINISTER),
}


def acts_over(celebrities: str | None, threshold: float) -> Mapping[str, ActRule]:
    """`ACTS`, where recognising celebrities is a search of that collection at that threshold (0 to 100): no client
    names them, and the gate has to know."""
    info = replace(ACTS["GetCelebrityInfo"], collection=celebrities)
    recognizing = {
        name: replace(ACTS[name], collection=celebrities, chosen_threshold=threshold)
        for name in ("RecognizeCelebrities", "StartCelebrityRecognition")
    }
    return {**ACTS, "GetCelebrityInfo": info, **recognizing}
