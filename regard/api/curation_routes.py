"""`/v1/collections/{collection_id}/…`: what puts the people of a collection right: who is who, what is there twice, and
undoing what was done."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from regard.api.curation_shapes import (
    ActShown,
    ActsShown,
    AlikeFace,
    AlikePair,
    AlikePairs,
    AlikeUser,
    CuratedShown,
    MergeGiven,
    PortraitsGiven,
    PortraitsShown,
    ProposalsShown,
    QualityShown,
    SeparationGiven,
    UndoneShown,
    UploadsGiven,
    UploadsShown,
    UserFileShown,
)
from regard.api.face_routes import After
from regard.api.gallery_shapes import DisassociationGiven, face_shown
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import CollectionInPath, Key, Percent, UserInPath
from regard.domain.authority import Action
from regard.domain.galleries import User
from regard.engine.galleries.collection_quality import CollectionQuality
from regard.engine.galleries.face_portraits import FacePortraits
from regard.engine.galleries.uploads import Uploads
from regard.engine.galleries.user_curation import Curated, UserCuration
from regard.engine.galleries.user_files import UserFiles
from regard.engine.galleries.user_history import UserHistory
from regard.engine.galleries.user_likenesses import UserLikenesses

_OF = "collection_id"
_COLLECTION = "/collections/{collection_id}"
_USER = f"{_COLLECTION}/users/{{user_id}}"
#: The similarity from which somebody is proposed, unless it is said.
PROPOSED = 80.0
Threshold = Annotated[Percent, Query()]
#: Each row of a page is compared with the whole collection.
Looked = Annotated[int, Query(ge=1, le=200)]
Listed = Annotated[int, Query(ge=1, le=100)]
Before = Annotated[Key | None, Query(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurationRoutes:
    curation: UserCuration
    history: UserHistory
    files: UserFiles
    likenesses: UserLikenesses
    quality: CollectionQuality
    portraits: FacePortraits
    uploads: Uploads

    def routes(self) -> tuple[NativeRoute, ...]:
        read, enrol = Action.READ, Action.ENROL
        alike = "Users who may be one person"
        return (
            NativeRoute("GET", _USER, self.file, read, "Show a user, the most doubtful face first", collection=_OF),
            NativeRoute(
                "GET",
                f"{_USER}/proposals",
                self.proposals,
                read,
                "Who and what may be this user",
                collection=_OF,
                compares=True,
            ),
            NativeRoute(
                "POST",
                f"{_USER}/merge",
                self.merge,
                enrol,
                "Merge other users into this one",
                collection=_OF,
                threshold="threshold",
            ),
            NativeRoute(
                "POST", f"{_USER}/separations", self.separate, enrol, "Say which faces are not theirs", collection=_OF
            ),
            NativeRoute(
                "POST", f"{_USER}/separations/lift", self.allow, enrol, "Say no longer so", collection=_OF, status=204
            ),
            NativeRoute("GET", f"{_COLLECTION}/alike", self.pairs, read, alike, collection=_OF, compares=True),
            NativeRoute("GET", f"{_COLLECTION}/acts", self.acts, read, "What was done to its users", collection=_OF),
            NativeRoute(
                "POST", f"{_COLLECTION}/acts/{{act}}/undo", self.undo, enrol, "Undo one of them", collection=_OF
            ),
            NativeRoute(
                "GET",
                f"{_COLLECTION}/quality",
                self.look,
                read,
                "What is there twice or bad",
                collection=_OF,
                compares=True,
            ),
            NativeRoute(
                "POST", f"{_COLLECTION}/faces/pictures", self.pictures, read, "Pictures of faces", collection=_OF
            ),
            NativeRoute(
                "POST", f"{_COLLECTION}/uploads", self.known, read, "Which files came in already", collection=_OF
            ),
        )

    # -- users ---------------------------------------------------------------------------------------------------

    def file(self, call: Call, collection_id: CollectionInPath, user_id: UserInPath) -> UserFileShown:
        return UserFileShown.of(self.files.show(call.grant, collection_id, user_id))

    def proposals(
        self, call: Call, collection_id: CollectionInPath, user_id: UserInPath, threshold: Threshold = PROPOSED
    ) -> ProposalsShown:
        found = self.likenesses.of_user(call.grant, collection_id, user_id, threshold)
        return ProposalsShown(
            users=[_alike(each.user, each.similarity) for each in found.users],
            faces=[AlikeFace(face=face_shown(each.face), similarity=each.similarity) for each in found.faces],
        )

    def pairs(
        self,
        call: Call,
        collection_id: CollectionInPath,
        after: After = 0,
        limit: Looked = 100,
        threshold: Threshold = PROPOSED,
    ) -> AlikePairs:
        found, following = self.likenesses.pairs(call.grant, collection_id, after, limit, threshold)
        return AlikePairs(
            pairs=[
                AlikePair(
                    first=_alike(each.first, each.similarity),
                    second=_alike(each.second, each.similarity),
                    similarity=each.similarity,
                )
                for each in found
            ],
            next=following,
        )

    def merge(
        self, call: Call, collection_id: CollectionInPath, user_id: UserInPath, given: MergeGiven
    ) -> CuratedShown:
        others = {each.user_id: each.version for each in given.others}
        return _curated(self.curation.merge(call.grant, collection_id, user_id, given.version, others))

    def separate(
        self, call: Call, collection_id: CollectionInPath, user_id: UserInPath, given: SeparationGiven
    ) -> CuratedShown:
        return _curated(
            self.curation.separate(
                call.grant, collection_id, user_id, given.version, face_ids=given.face_ids, others=given.user_ids
            )
        )

    def allow(
        self, call: Call, collection_id: CollectionInPath, user_id: UserInPath, given: DisassociationGiven
    ) -> None:
        self.curation.allow(call.grant, collection_id, user_id, given.version, face_ids=given.face_ids)

    # -- the collection ------------------------------------------------------------------------------------------

    def acts(self, call: Call, collection_id: CollectionInPath, before: Before = None, limit: Listed = 50) -> ActsShown:
        found = self.history.page(call.grant, collection_id, before, limit + 1)
        return ActsShown(
            acts=[ActShown.of(each) for each in found[:limit]],
            next=found[limit - 1].key if len(found) > limit else None,
        )

    def undo(self, call: Call, collection_id: CollectionInPath, act: Key) -> UndoneShown:
        return UndoneShown.model_validate(self.history.undo(call.grant, collection_id, act))

    def look(self, call: Call, collection_id: CollectionInPath, after: After = 0, limit: Looked = 200) -> QualityShown:
        found = self.quality.page(call.grant, collection_id, after, limit)
        return QualityShown(
            duplicates=[[face_shown(each) for each in group] for group in found.duplicates],
            poor=[face_shown(each) for each in found.poor],
            looked=found.looked,
            next=found.next,
        )

    def pictures(self, call: Call, collection_id: CollectionInPath, given: PortraitsGiven) -> PortraitsShown:
        found = self.portraits.of(call.grant, collection_id, given.face_ids)
        return PortraitsShown(pictures={face_id: base64.b64encode(each).decode() for face_id, each in found.items()})

    def known(self, call: Call, collection_id: CollectionInPath, given: UploadsGiven) -> UploadsShown:
        return UploadsShown(known=self.uploads.known(call.grant, collection_id, given.sha256))


def _alike(user: User, similarity: float) -> AlikeUser:
    return AlikeUser(user_id=user.id, version=user.version, similarity=similarity)


def _curated(done: Curated) -> CuratedShown:
    return CuratedShown.model_validate(done)
