"""TagResource, UntagResource, ListTagsForResource: for collections, the one kind of resource there is to tag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regard.errors import ServiceQuotaExceeded
from regard.operations.arns import collection_id
from regard.operations.services import Services, Tags

#: On one resource: ListTagsForResource, Amazon Rekognition API Reference, answers no more.
MOST_TAGS = 200


def tag_resource(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    def with_these(tags: Tags) -> Tags:
        merged = {**tags, **request["Tags"]}
        if len(merged) > MOST_TAGS:
            raise ServiceQuotaExceeded(f"A resource has at most {MOST_TAGS} tags; this one would have {len(merged)}.")
        return merged

    services.retag(collection_id(services, request["ResourceArn"]), with_these)
    return {}


def untag_resource(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    def without_these(tags: Tags) -> Tags:
        return {name: value for name, value in tags.items() if name not in request["TagKeys"]}

    services.retag(collection_id(services, request["ResourceArn"]), without_these)
    return {}


def list_tags_for_resource(services: Services, request: Mapping[str, Any]) -> dict[str, Any]:
    collection = services.gallery.get(collection_id(services, request["ResourceArn"]))
    return {"Tags": collection.tags}
