"""Every operation this server provides, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from regard.domain.callers import Principal
from regard.operations import collections, faces, tags, users
from regard.operations.services import Services

Operation = Callable[[Services, Mapping[str, Any]], dict[str, Any]]
Handler = Callable[[Principal, Mapping[str, Any]], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {
    "AssociateFaces": users.associate_faces,
    "CompareFaces": faces.compare_faces,
    "CreateCollection": collections.create_collection,
    "CreateUser": users.create_user,
    "DeleteCollection": collections.delete_collection,
    "DeleteFaces": faces.delete_faces,
    "DeleteUser": users.delete_user,
    "DescribeCollection": collections.describe_collection,
    "DetectFaces": faces.detect_faces,
    "DisassociateFaces": users.disassociate_faces,
    "IndexFaces": faces.index_faces,
    "ListCollections": collections.list_collections,
    "ListFaces": faces.list_faces,
    "ListTagsForResource": tags.list_tags_for_resource,
    "ListUsers": users.list_users,
    "SearchFaces": faces.search_faces,
    "SearchFacesByImage": faces.search_faces_by_image,
    "SearchUsers": users.search_users,
    "SearchUsersByImage": users.search_users_by_image,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
}


def handlers(services: Services) -> dict[str, Handler]:
    """The operations bound to one server's services."""
    return {name: _bound(name, operation, services) for name, operation in OPERATIONS.items()}


def _bound(name: str, operation: Operation, services: Services) -> Handler:
    def handle(principal: Principal, request: Mapping[str, Any]) -> dict[str, Any]:
        return services.idempotency.answer(principal, name, request, partial(operation, services, request))

    return handle
