"""CreateCollection, DescribeCollection, ListCollections, DeleteCollection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regard.operations import paging
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
        "UserCount": 0,
    }


def list_collections(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    size = paging.page_size(request)
    found = services.gallery.page(paging.after("collections", request), size + 1)
    page = found[:size]
    return {
        "CollectionIds": [each.id for each in page],
        "FaceModelVersions": [each.face_model for each in page],
        "NextToken": paging.token("collections", page[-1].key) if len(found) > size else None,
    }


def delete_collection(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    services.gallery.delete(request["CollectionId"])
    return {"StatusCode": 200}
