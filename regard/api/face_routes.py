"""`/v1/collections/{collection_id}/faces`: the faces of a collection, enrolled from pictures, listed and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from regard.api.gallery_shapes import (
    DeletedFaces,
    EnrolledShown,
    EnrolmentGiven,
    FacesGiven,
    FacesShown,
    RefusedFace,
    face_shown,
)
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import PICTURE_BYTES, BoxShown, CollectionInPath, Key
from regard.domain.authority import Action
from regard.domain.cases import PENDING_LABEL
from regard.domain.galleries import Face
from regard.edge.turns import Lane
from regard.engine.galleries.enrolment import Enrolment, EnrolmentOptions
from regard.engine.galleries.gallery import Galleries
from regard.engine.galleries.uploads import Uploads, mark
from regard.engine.galleries.user_vectors import Users

_ALL, _OF = "/collections/{collection_id}/faces", "collection_id"
MOST_ON_A_PAGE = 1000
After = Annotated[Key, Query()]
Limit = Annotated[int, Query(ge=1, le=MOST_ON_A_PAGE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRoutes:
    galleries: Galleries
    users: Users
    enrolment: Enrolment
    uploads: Uploads

    def routes(self) -> tuple[NativeRoute, ...]:
        return (
            NativeRoute("GET", _ALL, self.page, Action.READ, "List the faces of a collection", collection=_OF),
            NativeRoute(
                "POST",
                _ALL,
                self.enrol,
                Action.ENROL,
                "Enrol the faces of a picture",
                collection=_OF,
                count="most",
                status=201,
                lane=Lane.MODEL,
                most_bytes=PICTURE_BYTES,
            ),
            NativeRoute(
                "POST",
                f"{_ALL}/delete",
                self.delete,
                Action.DELETE,
                "Delete faces that belong to no user",
                collection=_OF,
            ),
        )

    def page(
        self,
        call: Call,
        collection_id: CollectionInPath,
        after: After = 0,
        limit: Limit = 100,
        user_id: str | None = None,
        face_id: Annotated[list[str] | None, Query(max_length=100)] = None,
    ) -> FacesShown:
        collection = self.galleries.get(call.grant, collection_id)
        if user_id is not None and not (call.grant.reviewed and user_id.startswith(PENDING_LABEL)):
            self.users.get(call.grant, collection, user_id)  # raises if there is no such user
        found = self.galleries.faces(
            call.grant, collection, after, limit + 1, face_ids=face_id or None, user_id=user_id
        )
        return FacesShown(faces=[face_shown(each) for each in found[:limit]], next=following(found, limit))

    def enrol(self, call: Call, collection_id: CollectionInPath, given: EnrolmentGiven) -> EnrolledShown:
        known = given.sha256 and self.uploads.enrolled(call.grant, collection_id, given.sha256)
        if known:
            return EnrolledShown(enrolled=[face_shown(each) for each in known], refused=[], known=True)
        options = EnrolmentOptions(
            level=given.quality,
            most=given.most,
            external_image_id=given.spelled_id,
            upload=given.sha256 and mark(call.grant, given.sha256, given.image),
        )
        made = self.enrolment.index(call.grant, collection_id, given.image, options)
        return EnrolledShown(
            enrolled=[face_shown(each) for each in made.enrolled.values()],
            refused=[
                RefusedFace(box=BoxShown.model_validate(made.found.box(row)), reasons=reasons)
                for row, reasons in made.refused.items()
            ],
            known=False,
        )

    def delete(self, call: Call, collection_id: CollectionInPath, given: FacesGiven) -> DeletedFaces:
        asked = list(dict.fromkeys(given.face_ids))
        deletion = self.galleries.delete_faces(call.grant, collection_id, asked)
        return DeletedFaces(deleted=list(deletion.deleted), kept=dict(deletion.kept))


def following(found: Sequence[Face], limit: int) -> int | None:
    """Where the next page begins, if one more was found than a page has."""
    return found[limit - 1].key if len(found) > limit else None
