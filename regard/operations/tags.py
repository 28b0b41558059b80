"""TagResource, UntagResource, ListTagsForResource: for collections, the only kind of resource that can be tagged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regard.domain.results import Result
from regard.domain.tags import MOST_TAGS
from regard.engine.galleries.gallery import Galleries, Tags
from regard.errors import ServiceQuotaExceeded
from regard.operations.arns import ResourceNames
from regard.operations.call import Call, Operation

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import (
        ListTagsForResourceRequestTypeDef,
        TagResourceRequestTypeDef,
        UntagResourceRequestTypeDef,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TagOperations:
    galleries: Galleries
    names: ResourceNames

    def operations(self) -> dict[str, Operation]:
        return {
            "ListTagsForResource": self.list_tags_for_resource,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
        }

    def tag_resource(self, call: Call[TagResourceRequestTypeDef]) -> Result:
        def with_these(tags: Tags) -> Tags:
            merged = {**tags, **call.request["Tags"]}
            if len(merged) > MOST_TAGS:
                raise ServiceQuotaExceeded(
                    f"A resource has at most {MOST_TAGS} tags; this one would have {len(merged)}."
                )
            return merged

        self.galleries.retag(call.grant, self.names.collection_id(call.request["ResourceArn"]), with_these)
        return Result(members={})

    def untag_resource(self, call: Call[UntagResourceRequestTypeDef]) -> Result:
        gone = frozenset(call.request["TagKeys"])

        def without_these(tags: Tags) -> Tags:
            return {name: value for name, value in tags.items() if name not in gone}

        self.galleries.retag(call.grant, self.names.collection_id(call.request["ResourceArn"]), without_these)
        return Result(members={})

    def list_tags_for_resource(self, call: Call[ListTagsForResourceRequestTypeDef]) -> Result:
        collection_id = self.names.collection_id(call.request["ResourceArn"])
        return Result(members={"Tags": self.galleries.get(call.grant, collection_id).tags})
