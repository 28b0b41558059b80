"""CreateCollection, DescribeCollection, ListCollections, DeleteCollection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regard.operations.services import Services


def create_collection(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    collection = services.gallery.create(request["CollectionId"], dict(request.get("Tags") or {}))
    return {
        "StatusCode": 200,
        "CollectionArn": services.collection_arn(collection.id),
        "FaceModelVersion": collection.face_model,
    }


def describe_collection(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    collection = services.gallery.get(request["CollectionId"])
    return {
        "FaceCount": services.gallery.size(collection),
        "FaceModelVersion": collection.face_model,
        "CollectionARN": services.collection_arn(collection.id),
        "CreationTimestamp": collection.created_at,
        "UserCount": services.gallery.user_count(collection),
    }


def list_collections(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    page, next_token = services.pages.page(("ListCollections", 0), request, services.gallery.page)
    return {
        "CollectionIds": [each.id for each in page],
        "FaceModelVersions": [each.face_model for each in page],
        "NextToken": next_token,
    }


def delete_collection(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    services.gallery.delete(request["CollectionId"])
    return {"StatusCode": 200}
