"""CreateUser, DeleteUser, ListUsers, AssociateFaces, DisassociateFaces, SearchUsers, SearchUsersByImage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regard.domain.faces import Faces
from regard.domain.galleries import UserMatch
from regard.engine.analysis.quality_filter import reasons
from regard.engine.galleries.user_vectors import Refusal
from regard.errors import InvalidParameter
from regard.operations.face_shapes import DEFAULT, face_detail, image_reference
from regard.operations.services import Services

#: Rekognition's defaults; its limits are in the service model.
ASSOCIATION_THRESHOLD = 75.0
THRESHOLD = 80.0
#: The most users on a page or in a result, and how many a client gets who does not say.
MOST_USERS = 500


def create_user(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    services.people.create(services.gallery.get(request["CollectionId"]), request["UserId"])
    return {}


def delete_user(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    services.people.delete(services.gallery.get(request["CollectionId"]), request["UserId"])
    return {}


def list_users(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    collection = services.gallery.get(request["CollectionId"])
    page, token = services.pages.page(
        ("ListUsers", collection.key),
        request,
        lambda after, limit: services.people.page(collection, after, limit),
        MOST_USERS,
    )
    return {"Users": [{"UserId": user.id, "UserStatus": user.status} for user in page], "NextToken": token}


def associate_faces(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    change = services.people.associate(
        services.gallery.get(request["CollectionId"]),
        request["UserId"],
        request["FaceIds"],
        threshold=request.get("UserMatchThreshold", ASSOCIATION_THRESHOLD),
    )
    return {
        "AssociatedFaces": [{"FaceId": face_id} for face_id in change.moved],
        "UnsuccessfulFaceAssociations": [
            _refusal(refusal) | {"Confidence": refusal.similarity} for refusal in change.refused
        ],
        "UserStatus": change.status,
    }


def disassociate_faces(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    change = services.people.disassociate(
        services.gallery.get(request["CollectionId"]), request["UserId"], request["FaceIds"]
    )
    return {
        "DisassociatedFaces": [{"FaceId": face_id} for face_id in change.moved],
        "UnsuccessfulFaceDisassociations": [_refusal(refusal) for refusal in change.refused],
        "UserStatus": change.status,
    }


def search_users(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    if ("UserId" in request) == ("FaceId" in request):
        raise InvalidParameter(f"{InvalidParameter.__doc__}: search by either UserId or FaceId.")
    collection, options = services.gallery.get(request["CollectionId"]), _options(request)
    if "UserId" in request:
        matches = services.people.search_user(collection, request["UserId"], **options)
        searched: dict[str, Any] = {"SearchedUser": {"UserId": request["UserId"]}}
    else:
        matches = services.people.search_face(collection, request["FaceId"], **options)
        searched = {"SearchedFace": {"FaceId": request["FaceId"]}}
    return searched | {"UserMatches": _matches(matches), "FaceModelVersion": collection.face_model}


def search_users_by_image(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    collection = services.gallery.get(request["CollectionId"])
    image = services.pictures.read(image_reference(request["Image"])).image
    faces = services.analyzer.faces([image], DEFAULT)[0]
    failed = reasons(faces, image, request.get("QualityFilter", "NONE"))
    answer = {
        "UserMatches": [],
        "FaceModelVersion": collection.face_model,
        "UnsearchedFaces": _unsearched(faces, failed),
    }
    if not failed or failed[0]:
        return answer
    (probe,) = services.analyzer.embedded([image], [faces.take(slice(1))])
    if probe.embeddings is None:
        raise ValueError("the analyser gave no embedding")
    matches = services.people.search(collection, probe.embeddings[0], **_options(request))
    return answer | {"SearchedFace": {"FaceDetail": face_detail(faces, 0, None)}, "UserMatches": _matches(matches)}


def _options(request: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "most": request.get("MaxUsers", MOST_USERS),
        "threshold": request.get("UserMatchThreshold", THRESHOLD),
    }


def _matches(matches: list[UserMatch]) -> list[dict[str, Any]]:
    return [
        {"Similarity": match.similarity, "User": {"UserId": match.user.id, "UserStatus": match.user.status}}
        for match in matches
    ]


def _unsearched(faces: Faces, failed: list[list[str]]) -> list[dict[str, Any]]:
    """The largest face where it fails the filter, and all the others."""
    why = [[*(["FACE_NOT_LARGEST"] if row else []), *each] for row, each in enumerate(failed)]
    return [{"FaceDetails": face_detail(faces, row, None), "Reasons": each} for row, each in enumerate(why) if each]


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {"FaceId": refusal.face_id, "UserId": refusal.user_id, "Reasons": [refusal.reason]}
