"""`/v1/collections`: collections, the rules they are under, and their tags."""

from __future__ import annotations

from dataclasses import dataclass

from regard.accountability.profiles.catalogue import OVERLAYS_TAG, PROFILE_TAG
from regard.accountability.sealed_pictures import KEPT, PICTURES_TAG, keeps_pictures
from regard.api.gallery_shapes import (
    CollectionFile,
    CollectionGiven,
    CollectionShown,
    CollectionsShown,
    TagsGiven,
    TagsShown,
    version_of,
)
from regard.api.native_routes import Call, NativeRoute
from regard.api.shapes import CollectionInPath
from regard.domain.authority import Action
from regard.domain.galleries import Collection
from regard.domain.tags import tags_fault
from regard.engine.galleries.gallery import Galleries, Tags
from regard.errors import Conflict, InvalidParameter

_ONE, _OF = "/collections/{collection_id}", "collection_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRoutes:
    galleries: Galleries

    def routes(self) -> tuple[NativeRoute, ...]:
        administer = Action.ADMINISTER
        return (
            NativeRoute("GET", "/collections", self.all, Action.READ, "List collections"),
            NativeRoute(
                "POST", "/collections", self.create, administer, "Create a collection", collection=_OF, status=201
            ),
            NativeRoute("GET", _ONE, self.show, Action.READ, "Describe a collection", collection=_OF),
            NativeRoute(
                "DELETE",
                _ONE,
                self.delete,
                Action.DELETE,
                "Delete a collection and everything in it",
                collection=_OF,
                status=204,
            ),
            NativeRoute("PUT", f"{_ONE}/tags", self.retag, administer, "Replace its tags", collection=_OF),
        )

    def all(self, call: Call) -> CollectionsShown:
        found = self.galleries.sizes(call.grant)
        return CollectionsShown(collections=[_shown(each.collection, each.faces) for each in found])

    def create(self, call: Call, given: CollectionGiven) -> CollectionShown:
        pictures = KEPT if given.pictures else ""
        own = {PROFILE_TAG: given.profile, OVERLAYS_TAG: " ".join(given.overlays), PICTURES_TAG: pictures}
        tags = _checked(given.tags | {name: value for name, value in own.items() if value})
        return _shown(self.galleries.create(call.grant, given.collection_id, tags), 0)

    def show(self, call: Call, collection_id: CollectionInPath) -> CollectionFile:
        found = self.galleries.describe(call.grant, collection_id)
        return CollectionFile(
            collection=_shown(found.collection, found.faces),
            users=found.users,
            profile=call.grant.rules.name,
            pictures=keeps_pictures(call.grant, found.collection),
            version=version_of(found.collection.tags),
        )

    def delete(self, call: Call, collection_id: CollectionInPath) -> None:
        self.galleries.delete(call.grant, collection_id)

    def retag(self, call: Call, collection_id: CollectionInPath, given: TagsGiven) -> TagsShown:
        def replaced(before: Tags) -> Tags:
            if version_of(before) != given.version:
                raise Conflict(
                    f"Somebody else has changed the tags of {collection_id}. Look at them again, then change them."
                )
            return _checked(given.tags)

        self.galleries.retag(call.grant, collection_id, replaced)
        return TagsShown(tags=given.tags, version=version_of(given.tags))


def _checked(tags: Tags) -> Tags:
    fault = tags_fault(tags)
    if fault is not None:
        raise InvalidParameter(f"The tags cannot be taken: {fault}.")
    return tags


def _shown(collection: Collection, faces: int) -> CollectionShown:
    return CollectionShown(
        collection_id=collection.id,
        faces=faces,
        face_model=collection.face_model,
        created_at=collection.created_at,
        tags=collection.tags,
    )
