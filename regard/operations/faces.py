"""DetectFaces, CompareFaces, IndexFaces, ListFaces, DeleteFaces, SearchFaces, SearchFacesByImage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regard.domain.authority import Act
from regard.domain.cases import PENDING_LABEL
from regard.domain.faces import Faces
from regard.domain.results import Result
from regard.engine.analysis.face_analyzer import MOST_FACES
from regard.engine.analysis.face_comparison import FaceComparison
from regard.engine.analysis.face_detection import FaceDetection
from regard.engine.galleries.enrolment import Enrolment, EnrolmentOptions
from regard.engine.galleries.face_search import FaceSearch, FaceSearchResult, SearchOptions
from regard.engine.galleries.gallery import Galleries
from regard.engine.galleries.user_vectors import Users
from regard.operations.acts import MOST_MATCHES, THRESHOLD
from regard.operations.attribute_shapes import wanted
from regard.operations.call import Call, Operation
from regard.operations.face_shapes import (
    bounding_box,
    compared_face,
    enrolled_face,
    face_detail,
    face_match,
    image_reference,
)
from regard.operations.paging import Pages
from regard.operations.search_headers import search_headers

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import (
        CompareFacesRequestTypeDef,
        DeleteFacesRequestTypeDef,
        DetectFacesRequestTypeDef,
        IndexFacesRequestTypeDef,
        ListFacesRequestTypeDef,
        SearchFacesByImageRequestTypeDef,
        SearchFacesRequestTypeDef,
        UnsuccessfulFaceDeletionTypeDef,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceOperations:
    detection: FaceDetection
    comparison: FaceComparison
    enrolment: Enrolment
    search: FaceSearch
    galleries: Galleries
    users: Users
    pages: Pages
    #: Whether attributes that no model can tell are answered all the same.
    untold: bool = False

    def operations(self) -> dict[str, Operation]:
        return {
            "CompareFaces": self.compare_faces,
            "DeleteFaces": self.delete_faces,
            "DetectFaces": self.detect_faces,
            "IndexFaces": self.index_faces,
            "ListFaces": self.list_faces,
            "SearchFaces": self.search_faces,
            "SearchFacesByImage": self.search_faces_by_image,
        }

    def detect_faces(self, call: Call[DetectFacesRequestTypeDef]) -> Result:
        names = call.request.get("Attributes")
        picture = image_reference(call.request["Image"])
        faces = self.detection.detect(call.grant, picture, wanted(names)).faces
        return Result(members={"FaceDetails": [self._detail(faces, row, names) for row in range(len(faces))]})

    def compare_faces(self, call: Call[CompareFacesRequestTypeDef]) -> Result:
        pictures = (image_reference(call.request[name]) for name in ("SourceImage", "TargetImage"))
        level = call.request.get("QualityFilter", "NONE")
        with self.comparison.reading(call.grant, *pictures) as opened:
            source_image, target_image = (each.load().image for each in opened)
            found = self.comparison.compare(call.grant, source_image, target_image, level)
        source, target = found.source.faces, found.target.faces
        matched = int((found.similarities >= _threshold(call.grant.act)).sum())
        return Result(
            members={
                "SourceImageFace": {
                    "BoundingBox": bounding_box(source.box(0)),
                    "Confidence": source.confidence(0),
                },
                "FaceMatches": [
                    {"Similarity": float(found.similarities[row]), "Face": compared_face(target, row)}
                    for row in range(matched)
                ],
                "UnmatchedFaces": [compared_face(target, row) for row in range(matched, len(target))],
            }
        )

    def index_faces(self, call: Call[IndexFacesRequestTypeDef]) -> Result:
        names = call.request.get("DetectionAttributes")
        options = EnrolmentOptions(
            level=call.request.get("QualityFilter", "AUTO"),
            most=min(call.grant.act.count or MOST_FACES, MOST_FACES),
            external_image_id=call.request.get("ExternalImageId"),
        )
        picture = image_reference(call.request["Image"])
        indexed = self.enrolment.index(call.grant, call.request["CollectionId"], picture, options, wanted(names))
        return Result(
            members={
                "FaceRecords": [
                    {"Face": enrolled_face(face), "FaceDetail": self._detail(indexed.found, row, names)}
                    for row, face in indexed.enrolled.items()
                ],
                "UnindexedFaces": [
                    {"Reasons": reasons, "FaceDetail": self._detail(indexed.found, row, names)}
                    for row, reasons in indexed.refused.items()
                ],
                "FaceModelVersion": indexed.face_model,
            }
        )

    def list_faces(self, call: Call[ListFacesRequestTypeDef]) -> Result:
        grant, request = call.grant, call.request
        collection = self.galleries.get(grant, request["CollectionId"])
        user_id, face_ids = request.get("UserId"), request.get("FaceIds")
        if user_id is not None and not (grant.reviewed and user_id.startswith(PENDING_LABEL)):
            self.users.get(grant, collection, user_id)  # raises if there is no such user
        page, next_token = self.pages.page(
            ("ListFaces", collection.key),
            request,
            lambda after, limit: self.galleries.faces(
                grant, collection, after, limit, face_ids=face_ids, user_id=user_id
            ),
        )
        return Result(
            members={
                "Faces": [enrolled_face(face) for face in page],
                "NextToken": next_token,
                "FaceModelVersion": collection.face_model,
            }
        )

    def delete_faces(self, call: Call[DeleteFacesRequestTypeDef]) -> Result:
        asked = list(dict.fromkeys(call.request["FaceIds"]))
        deletion = self.galleries.delete_faces(call.grant, call.request["CollectionId"], asked)
        gone = set(deletion.deleted)
        return Result(
            members={
                "DeletedFaces": deletion.deleted,
                "UnsuccessfulFaceDeletions": [
                    _not_deleted(each, deletion.kept.get(each)) for each in asked if each not in gone
                ],
            }
        )

    def search_faces(self, call: Call[SearchFacesRequestTypeDef]) -> Result:
        face_id = call.request["FaceId"]
        found = self.search.by_face(call.grant, call.request["CollectionId"], face_id, _options(call.grant.act))
        return _found(found, {"SearchedFaceId": face_id})

    def search_faces_by_image(self, call: Call[SearchFacesByImageRequestTypeDef]) -> Result:
        found = self.search.by_image(
            call.grant,
            call.request["CollectionId"],
            image_reference(call.request["Image"]),
            _options(call.grant.act),
            level=call.request.get("QualityFilter", "NONE"),
        )
        if found.probes is None:
            raise ValueError("a search by image has a probe")
        probe = found.probes.faces
        searched = {
            "SearchedFaceBoundingBox": bounding_box(probe.box(0)),
            "SearchedFaceConfidence": probe.confidence(0),
        }
        return _found(found, searched)

    def _detail(self, faces: Faces, row: int, names: Iterable[str] | None) -> dict[str, Any]:
        return face_detail(faces, row, names, untold=self.untold)


def _options(act: Act) -> SearchOptions:
    return SearchOptions(most=MOST_MATCHES if act.count is None else act.count, threshold=_threshold(act))


def _threshold(act: Act) -> float:
    return THRESHOLD if act.threshold is None else act.threshold


def _found(found: FaceSearchResult, searched: dict[str, object]) -> Result:
    """What was searched for, the candidates, and the size of the gallery."""
    return Result(
        members={
            **searched,
            "FaceMatches": [face_match(match) for match in found.matches[0]],
            "FaceModelVersion": found.collection.face_model,
        },
        headers=search_headers(found.gallery_size, found.expected_false, found.cases[0] if found.cases else None),
    )


def _not_deleted(face_id: str, user_id: str | None) -> UnsuccessfulFaceDeletionTypeDef:
    if user_id is None:
        return {"FaceId": face_id, "Reasons": ["FACE_NOT_FOUND"]}
    return {"FaceId": face_id, "UserId": user_id, "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]}
