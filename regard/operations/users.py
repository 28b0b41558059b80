"""CreateUser, DeleteUser, ListUsers, AssociateFaces, DisassociateFaces, SearchUsers, SearchUsersByImage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regard.domain.authority import Act
from regard.domain.faces import Faces
from regard.domain.galleries import UserMatch
from regard.domain.results import Result
from regard.engine.galleries.face_search import SearchOptions
from regard.engine.galleries.gallery import Galleries
from regard.engine.galleries.user_search import UserSearch, UserSearchResult
from regard.engine.galleries.user_vectors import SEPARATED, UNLIKE, Refusal, Users
from regard.errors import InvalidParameter
from regard.operations.acts import ASSOCIATION_THRESHOLD, MOST_USERS, THRESHOLD
from regard.operations.call import Call, Operation
from regard.operations.face_shapes import face_detail, image_reference
from regard.operations.paging import Pages
from regard.operations.search_headers import search_headers

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import (
        AssociateFacesRequestTypeDef,
        CreateUserRequestTypeDef,
        DeleteUserRequestTypeDef,
        DisassociateFacesRequestTypeDef,
        ListUsersRequestTypeDef,
        SearchUsersByImageRequestTypeDef,
        SearchUsersRequestTypeDef,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UserOperations:
    users: Users
    search: UserSearch
    galleries: Galleries
    pages: Pages

    def operations(self) -> dict[str, Operation]:
        return {
            "AssociateFaces": self.associate_faces,
            "CreateUser": self.create_user,
            "DeleteUser": self.delete_user,
            "DisassociateFaces": self.disassociate_faces,
            "ListUsers": self.list_users,
            "SearchUsers": self.search_users,
            "SearchUsersByImage": self.search_users_by_image,
        }

    def create_user(self, call: Call[CreateUserRequestTypeDef]) -> Result:
        self.users.create(call.grant, call.request["CollectionId"], call.request["UserId"])
        return Result(members={})

    def delete_user(self, call: Call[DeleteUserRequestTypeDef]) -> Result:
        self.users.delete(call.grant, call.request["CollectionId"], call.request["UserId"])
        return Result(members={})

    def list_users(self, call: Call[ListUsersRequestTypeDef]) -> Result:
        collection = self.galleries.get(call.grant, call.request["CollectionId"])
        page, token = self.pages.page(
            ("ListUsers", collection.key),
            call.request,
            lambda after, limit: self.users.page(call.grant, collection, after, limit),
            MOST_USERS,
        )
        users = [{"UserId": user.id, "UserStatus": user.status} for user in page]
        return Result(members={"Users": users, "NextToken": token})

    def associate_faces(self, call: Call[AssociateFacesRequestTypeDef]) -> Result:
        request, threshold = call.request, call.grant.act.threshold
        change = self.users.associate(
            call.grant,
            request["CollectionId"],
            request["UserId"],
            request["FaceIds"],
            threshold=ASSOCIATION_THRESHOLD if threshold is None else threshold,
        )
        return Result(
            members={
                "AssociatedFaces": [{"FaceId": face_id} for face_id in change.moved],
                "UnsuccessfulFaceAssociations": [
                    _refusal(refusal) | {"Confidence": refusal.similarity} for refusal in change.refused
                ],
                "UserStatus": change.status,
            }
        )

    def disassociate_faces(self, call: Call[DisassociateFacesRequestTypeDef]) -> Result:
        request = call.request
        change = self.users.disassociate(call.grant, request["CollectionId"], request["UserId"], request["FaceIds"])
        return Result(
            members={
                "DisassociatedFaces": [{"FaceId": face_id} for face_id in change.moved],
                "UnsuccessfulFaceDisassociations": [_refusal(refusal) for refusal in change.refused],
                "UserStatus": change.status,
            }
        )

    def search_users(self, call: Call[SearchUsersRequestTypeDef]) -> Result:
        request, options = call.request, _options(call.grant.act)
        if ("UserId" in request) == ("FaceId" in request):
            raise InvalidParameter(f"{InvalidParameter.__doc__}: search by either UserId or FaceId.")
        if "UserId" in request:
            found = self.search.by_user(call.grant, request["CollectionId"], request["UserId"], options)
            return _found(found, {"SearchedUser": {"UserId": request["UserId"]}})
        found = self.search.by_face(call.grant, request["CollectionId"], request["FaceId"], options)
        return _found(found, {"SearchedFace": {"FaceId": request["FaceId"]}})

    def search_users_by_image(self, call: Call[SearchUsersByImageRequestTypeDef]) -> Result:
        found = self.search.by_image(
            call.grant,
            call.request["CollectionId"],
            image_reference(call.request["Image"]),
            _options(call.grant.act),
            call.request.get("QualityFilter", "NONE"),
        )
        if found.found is None:
            raise ValueError("the result of a search by image must have the image's faces")
        searched: dict[str, Any] = {"UnsearchedFaces": _unsearched(found.found, found.failed)}
        if found.failed and not found.failed[0]:
            searched["SearchedFace"] = {"FaceDetail": face_detail(found.found, 0, None)}
        return _found(found, searched)


def _options(act: Act) -> SearchOptions:
    return SearchOptions(
        most=MOST_USERS if act.count is None else act.count,
        threshold=THRESHOLD if act.threshold is None else act.threshold,
    )


def _found(found: UserSearchResult, searched: dict[str, Any]) -> Result:
    return Result(
        members={
            **searched,
            "UserMatches": [_match(match) for match in found.matches],
            "FaceModelVersion": found.collection.face_model,
        },
        headers=search_headers(found.gallery_size, found.expected_false, found.case),
    )


def _match(match: UserMatch) -> dict[str, Any]:
    return {"Similarity": match.similarity, "User": {"UserId": match.user.id, "UserStatus": match.user.status}}


def _unsearched(faces: Faces, failed: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """The largest face if it fails the filter, and all the others."""
    why = [[*(["FACE_NOT_LARGEST"] if row else []), *each] for row, each in enumerate(failed)]
    return [{"FaceDetails": face_detail(faces, row, None), "Reasons": each} for row, each in enumerate(why) if each]


def _refusal(refusal: Refusal) -> dict[str, Any]:
    reason = UNLIKE if refusal.reason == SEPARATED else refusal.reason  # AWS has no word for it
    return {"FaceId": refusal.face_id, "UserId": refusal.user_id, "Reasons": [reason]}
