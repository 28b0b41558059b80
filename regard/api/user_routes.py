"""`/v1/collections/{collection_id}/users`: people of a collection, each found by all of their faces."""

from __future__ import annotations

from dataclasses import dataclass

from regard.api.face_routes import After, Limit
from regard.api.gallery_shapes import (
    AssociationGiven,
    AssociationShown,
    DisassociationGiven,
    RefusalShown,
    UserGiven,
    UserShown,
    UsersShown,
)
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import CollectionInPath, UserInPath
from regard.domain.authority import Action
from regard.engine.galleries.gallery import Galleries
from regard.engine.galleries.user_vectors import UserChangeResult, Users

_ALL, _OF = "/collections/{collection_id}/users", "collection_id"
_ONE = f"{_ALL}/{{user_id}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRoutes:
    galleries: Galleries
    users: Users

    def routes(self) -> tuple[NativeRoute, ...]:
        enrol = Action.ENROL
        return (
            NativeRoute("GET", _ALL, self.page, Action.READ, "List the users of a collection", collection=_OF),
            NativeRoute("POST", _ALL, self.create, enrol, "Create a user", collection=_OF, status=201),
            NativeRoute("DELETE", _ONE, self.delete, Action.DELETE, "Delete a user", collection=_OF, status=204),
            NativeRoute(
                "POST",
                f"{_ONE}/faces",
                self.associate,
                enrol,
                "Give a user faces",
                collection=_OF,
                threshold="threshold",
            ),
            NativeRoute("POST", f"{_ONE}/faces/remove", self.disassociate, enrol, "Take faces away", collection=_OF),
        )

    def page(self, call: Call, collection_id: CollectionInPath, after: After = 0, limit: Limit = 100) -> UsersShown:
        collection = self.galleries.get(call.grant, collection_id)
        found = self.users.page(call.grant, collection, after, limit + 1)
        return UsersShown(
            users=[UserShown.of(each) for each in found[:limit]],
            next=found[limit - 1].key if len(found) > limit else None,
        )

    def create(self, call: Call, collection_id: CollectionInPath, given: UserGiven) -> UserShown:
        return UserShown.of(self.users.create(call.grant, collection_id, given.user_id))

    def delete(
        self, call: Call, collection_id: CollectionInPath, user_id: UserInPath, version: str | None = None
    ) -> None:
        self.users.delete(call.grant, collection_id, user_id, seen=version)

    def associate(
        self, call: Call, collection_id: CollectionInPath, user_id: UserInPath, given: AssociationGiven
    ) -> AssociationShown:
        least = call.grant.act.threshold
        change = self.users.associate(
            call.grant,
            collection_id,
            user_id,
            given.face_ids,
            threshold=given.threshold if least is None else least,
            seen=given.version,
        )
        return _shown(change, hidden=call.grant.rules.review.hide_scores)

    def disassociate(
        self, call: Call, collection_id: CollectionInPath, user_id: UserInPath, given: DisassociationGiven
    ) -> AssociationShown:
        change = self.users.disassociate(call.grant, collection_id, user_id, given.face_ids, seen=given.version)
        return _shown(change)


def _shown(change: UserChangeResult, *, hidden: bool = False) -> AssociationShown:
    return AssociationShown(
        moved=change.moved,
        refused=[
            RefusalShown(
                face_id=each.face_id,
                reason=each.reason,
                user_id=each.user_id,
                similarity=None if hidden else each.similarity,
            )
            for each in change.refused
        ],
        status=change.status,
        act=change.act,
    )
