"""Every operation this server provides, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from regard.domain import Principal
from regard.operations import collections, faces
from regard.operations.services import Services

Operation = Callable[[Services, Mapping[str, Any]], dict[str, Any]]
Handler = Callable[[Principal, Mapping[str, Any]], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {
    "CompareFaces": faces.compare_faces,
    "CreateCollection": collections.create_collection,
    "DeleteCollection": collections.delete_collection,
    "DeleteFaces": faces.delete_faces,
    "DescribeCollection": collections.describe_collection,
    "DetectFaces": faces.detect_faces,
    "IndexFaces": faces.index_faces,
    "ListCollections": collections.list_collections,
    "ListFaces": faces.list_faces,
    "SearchFaces": faces.search_faces,
    "SearchFacesByImage": faces.search_faces_by_image,
}


def handlers(services: Services) -> dict[str, Handler]:
    """The operations bound to one server's services."""
    return {name: _bound(operation, services) for name, operation in OPERATIONS.items()}


def _bound(operation: Operation, services: Services) -> Handler:
    def handle(_: Principal, request: Mapping[str, Any]) -> dict[str, Any]:
        return operation(services, request)

    return handle
