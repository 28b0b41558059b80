"""DetectFaces, CompareFaces, IndexFaces, ListFaces, DeleteFaces, SearchFaces, SearchFacesByImage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regard.domain.arrays import FloatArray
from regard.domain.faces import Detail, Faces
from regard.domain.images import Image
from regard.engine.analysis.face_analyzer import MOST_FACES
from regard.engine.analysis.quality_filter import select
from regard.errors import InvalidParameter
from regard.operations.face_shapes import (
    DEFAULT,
    bounding_box,
    compared_face,
    enrolled_face,
    face_detail,
    face_match,
    image_reference,
    wanted,
)
from regard.operations.services import Services

#: Rekognition's defaults; its limits are in the service model.
THRESHOLD = 80.0
MOST_MATCHES = 4096


def detect_faces(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    names = request.get("Attributes")
    image = services.pictures.read(image_reference(request["Image"])).image
    faces = services.analyzer.faces([image], wanted(names))[0]
    return {"FaceDetails": [face_detail(faces, row, names) for row in range(len(faces))]}


def compare_faces(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    level, threshold = request.get("QualityFilter", "NONE"), request.get("SimilarityThreshold", THRESHOLD)
    source = services.pictures.read(image_reference(request["SourceImage"])).image
    target = services.pictures.read(image_reference(request["TargetImage"])).image
    probe = _usable(services, source, level, most=1, detail=Detail.NONE)
    others = _usable(services, target, level, most=MOST_FACES)
    similarities = services.gallery.compare(_vectors(probe)[0], _vectors(others))
    order = np.argsort(-similarities, kind="stable")
    matched = [int(row) for row in order if similarities[row] >= threshold]
    unmatched = [int(row) for row in order if similarities[row] < threshold]
    return {
        "SourceImageFace": {
            "BoundingBox": bounding_box(probe.box(0)),
            "Confidence": float(probe.scores[0]) * 100,
        },
        "FaceMatches": [
            {"Similarity": float(similarities[row]), "Face": compared_face(others, row)} for row in matched
        ],
        "UnmatchedFaces": [compared_face(others, row) for row in unmatched],
    }


def index_faces(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    names = request.get("DetectionAttributes")
    collection = services.gallery.get(request["CollectionId"])
    submission = services.submission(image_reference(request["Image"]), request.get("ExternalImageId"))
    indexed = services.indexer.index(
        collection,
        [submission],
        level=request.get("QualityFilter", "AUTO"),
        most=min(request.get("MaxFaces", MOST_FACES), MOST_FACES),
        detail=wanted(names),
    )[0]
    return {
        "FaceRecords": [
            {"Face": enrolled_face(face), "FaceDetail": face_detail(indexed.found, row, names)}
            for row, face in indexed.enrolled.items()
        ],
        "UnindexedFaces": [
            {"Reasons": reasons, "FaceDetail": face_detail(indexed.found, row, names)}
            for row, reasons in indexed.refused.items()
        ],
        "FaceModelVersion": collection.face_model,
    }


def list_faces(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    collection = services.gallery.get(request["CollectionId"])
    user_id = request.get("UserId")
    if user_id is not None:
        services.people.get(collection, user_id)  # that there is such a user
    page, next_token = services.pages.page(
        ("ListFaces", collection.key),
        request,
        lambda after, limit: services.gallery.faces(collection, after, limit, request.get("FaceIds"), user_id),
    )
    return {
        "Faces": [enrolled_face(face) for face in page],
        "NextToken": next_token,
        "FaceModelVersion": collection.face_model,
    }


def delete_faces(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    collection = services.gallery.get(request["CollectionId"])
    asked = list(dict.fromkeys(request["FaceIds"]))
    deletion = services.gallery.delete_faces(collection, asked)
    gone = set(deletion.deleted)
    return {
        "DeletedFaces": deletion.deleted,
        "UnsuccessfulFaceDeletions": [
            _not_deleted(each, deletion.kept.get(each)) for each in asked if each not in gone
        ],
    }


def search_faces(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    collection = services.gallery.get(request["CollectionId"])
    matches = services.gallery.search_face(
        collection,
        request["FaceId"],
        most=request.get("MaxFaces", MOST_MATCHES),
        threshold=request.get("FaceMatchThreshold", THRESHOLD),
    )
    return {
        "SearchedFaceId": request["FaceId"],
        "FaceMatches": [face_match(match) for match in matches],
        "FaceModelVersion": collection.face_model,
    }


def search_faces_by_image(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    collection = services.gallery.get(request["CollectionId"])
    image = services.pictures.read(image_reference(request["Image"])).image
    probe = _usable(services, image, request.get("QualityFilter", "NONE"), most=1, detail=Detail.NONE)
    matches = services.gallery.search(
        collection,
        _vectors(probe),
        most=request.get("MaxFaces", MOST_MATCHES),
        threshold=request.get("FaceMatchThreshold", THRESHOLD),
    )[0]
    return {
        "SearchedFaceBoundingBox": bounding_box(probe.box(0)),
        "SearchedFaceConfidence": float(probe.scores[0]) * 100,
        "FaceMatches": [face_match(match) for match in matches],
        "FaceModelVersion": collection.face_model,
    }


def _not_deleted(face_id: str, user_id: str | None) -> dict[str, Any]:
    reason = "FACE_NOT_FOUND" if user_id is None else "ASSOCIATED_TO_AN_EXISTING_USER"
    return {"FaceId": face_id, "UserId": user_id, "Reasons": [reason]}


def _usable(services: Services, image: Image, level: str, *, most: int, detail: Detail = DEFAULT) -> Faces:
    """The largest faces that pass the filter, embedded. Raises InvalidParameter when there is none."""
    if level != "NONE":
        detail |= DEFAULT
    faces = services.analyzer.faces([image], detail, limit=most)[0]
    faces = faces.take(select(faces, image, level, most).kept)
    if not len(faces):
        raise InvalidParameter("Request has invalid parameters: there are no usable faces in the image.")
    return services.analyzer.embedded([image], [faces])[0]


def _vectors(faces: Faces) -> FloatArray:
    if faces.embeddings is None:
        raise ValueError("these faces have no embeddings")
    return faces.embeddings
