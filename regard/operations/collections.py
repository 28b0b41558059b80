"""CreateCollection, DescribeCollection, ListCollections, DeleteCollection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regard.domain.results import Result
from regard.engine.galleries.gallery import Galleries
from regard.operations.arns import ResourceNames
from regard.operations.call import Call, Operation
from regard.operations.paging import Pages

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import (
        CreateCollectionRequestTypeDef,
        DeleteCollectionRequestTypeDef,
        DescribeCollectionRequestTypeDef,
        ListCollectionsRequestTypeDef,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionOperations:
    galleries: Galleries
    pages: Pages
    names: ResourceNames

    def operations(self) -> dict[str, Operation]:
        return {
            "CreateCollection": self.create_collection,
            "DeleteCollection": self.delete_collection,
            "DescribeCollection": self.describe_collection,
            "ListCollections": self.list_collections,
        }

    def create_collection(self, call: Call[CreateCollectionRequestTypeDef]) -> Result:
        tags = dict(call.request.get("Tags") or {})
        collection = self.galleries.create(call.grant, call.request["CollectionId"], tags)
        return Result(
            members={
                "StatusCode": 200,
                "CollectionArn": self.names.collection_arn(collection.id, call.region),
                "FaceModelVersion": collection.face_model,
            }
        )

    def describe_collection(self, call: Call[DescribeCollectionRequestTypeDef]) -> Result:
        found = self.galleries.describe(call.grant, call.request["CollectionId"])
        return Result(
            members={
                "FaceCount": found.faces,
                "FaceModelVersion": found.collection.face_model,
                "CollectionARN": self.names.collection_arn(found.collection.id, call.region),
                "CreationTimestamp": found.collection.created_at,
                "UserCount": found.users,
            }
        )

    def list_collections(self, call: Call[ListCollectionsRequestTypeDef]) -> Result:
        page, next_token = self.pages.page(
            ("ListCollections", 0), call.request, lambda after, limit: self.galleries.page(call.grant, after, limit)
        )
        return Result(
            members={
                "CollectionIds": [each.id for each in page],
                "FaceModelVersions": [each.face_model for each in page],
                "NextToken": next_token,
            }
        )

    def delete_collection(self, call: Call[DeleteCollectionRequestTypeDef]) -> Result:
        self.galleries.delete(call.grant, call.request["CollectionId"])
        return Result(members={"StatusCode": 200})
