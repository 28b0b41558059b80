"""`/v1/collections/{collection_id}/search`: candidates for one face of a picture, with N and the false ones to expect.

It asks the one definition of a search, as AWS's operations and the command line do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from regard.api.gallery_shapes import (
    FaceSearchGiven,
    FoundFace,
    SearchGiven,
    SearchShown,
    UserCandidate,
    UserSearchShown,
    case_shown,
    face_shown,
)
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import PICTURE_BYTES, BoxShown, CollectionInPath, FaceInPath
from regard.domain.authority import Action
from regard.edge.turns import Lane
from regard.engine.galleries.face_search import FaceSearch, FaceSearchResult, SearchOptions
from regard.engine.galleries.user_search import UserSearch

_COLLECTION = "/collections/{collection_id}"
#: The lowest similarity unless it is said, and unless the profile's is higher: Rekognition's default.
THRESHOLD = 80.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRoutes:
    faces: FaceSearch
    users: UserSearch

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            _search("/search", self.by_picture, "Search for a face of a picture", picture=True),
            _search("/search/users", self.users_by_picture, "Search the users for a face of a picture", picture=True),
            _search("/faces/{face_id}/search", self.by_face, "Search for a face that is enrolled"),
        )

    def by_picture(self, call: Call, collection_id: CollectionInPath, given: SearchGiven) -> SearchShown:
        found = self.faces.by_image(
            call.grant, collection_id, given.picture, _options(call, given), level=given.quality
        )
        searched = None if found.probes is None else BoxShown.model_validate(found.probes.faces.box(0))
        return _shown(call, found, searched)

    def by_face(
        self, call: Call, collection_id: CollectionInPath, face_id: FaceInPath, given: FaceSearchGiven
    ) -> SearchShown:
        return _shown(call, self.faces.by_face(call.grant, collection_id, face_id, _options(call, given)), None)

    def users_by_picture(self, call: Call, collection_id: CollectionInPath, given: SearchGiven) -> UserSearchShown:
        options = _options(call, given)
        found = self.users.by_image(call.grant, collection_id, given.picture, options, given.quality)
        return UserSearchShown(
            threshold=options.threshold,
            gallery_size=found.gallery_size,
            expected_false=found.expected_false,
            face_model=found.collection.face_model,
            candidates=[
                UserCandidate(user_id=each.user.id, status=each.user.status, similarity=each.similarity)
                for each in found.matches
            ],
            case=case_shown(found.case),
        )


def _search(path: str, function: Callable[..., Any], summary: str, *, picture: bool = False) -> NativeRoute:
    return NativeRoute(
        "POST",
        _COLLECTION + path,
        function,
        Action.SEARCH,
        summary,
        collection="collection_id",
        threshold="threshold",
        default_threshold=THRESHOLD,
        count="most",
        lane=Lane.MODEL if picture else Lane.STORE,
        most_bytes=PICTURE_BYTES if picture else 4096,
    )


def _options(call: Call, given: SearchGiven | FaceSearchGiven) -> SearchOptions:
    threshold = call.grant.act.threshold
    chosen = given.face.box() if isinstance(given, SearchGiven) and given.face else None
    return SearchOptions(most=given.most, threshold=THRESHOLD if threshold is None else threshold, chosen=chosen)


def _shown(call: Call, found: FaceSearchResult, searched: BoxShown | None) -> SearchShown:
    threshold = call.grant.act.threshold
    return SearchShown(
        searched=searched,
        threshold=THRESHOLD if threshold is None else threshold,
        gallery_size=found.gallery_size,
        expected_false=found.expected_false,
        face_model=found.collection.face_model,
        candidates=[FoundFace(face=face_shown(each.face), similarity=each.similarity) for each in found.matches[0]],
        case=case_shown(found.cases[0] if found.cases else None),
    )
