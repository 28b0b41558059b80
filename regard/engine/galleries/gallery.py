"""Galleries: collections and the faces in them. SQL first, then the index that follows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from regard.accountability.case_progress import CaseProgress
from regard.accountability.cases import Cases
from regard.accountability.gate import Grant
from regard.accountability.profiles.profile_tags import check_change, check_new
from regard.domain.authority import Action
from regard.domain.cases import PENDING_LABEL, UNDECIDED, CandidateState
from regard.domain.galleries import Collection, Face
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.reviewed_search import pending_face
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import Deletion, FaceRows

Tags = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GallerySize:
    """A collection and the number of faces and users in it."""

    collection: Collection
    faces: int
    users: int = 0


class Galleries:
    """Collections: create, describe, list, tag and delete them; list and delete their faces."""

    def __init__(
        self,
        *,
        collections: CollectionRows,
        faces: FaceRows,
        matcher: Matcher,
        cases: Cases,
        progress: CaseProgress,
        clock: Callable[[], datetime],
    ) -> None:
        self._collections = collections
        self._faces = faces
        self._matcher = matcher
        self._cases, self._progress = cases, progress
        self._clock = clock

    # -- collections -----------------------------------------------------------------------------------------

    def create(self, grant: Grant, collection_id: str, tags: Tags) -> Collection:
        """A new collection, of the default face model. Raises ResourceAlreadyExists, and InvalidParameter for a tag
        that names no profile it may have."""
        grant.require(Action.ADMINISTER, collection_id)
        check_new(tags, grant.rules)
        return self._collections.create(collection_id, self._matcher.models.default.version, tags, self._clock())

    def get(self, grant: Grant, collection_id: str) -> Collection:
        """The collection that an act of any kind is about. Raises ResourceNotFound."""
        grant.require(grant.act.action, collection_id)
        return self._collections.get(collection_id)

    def describe(self, grant: Grant, collection_id: str) -> GallerySize:
        """Raises ResourceNotFound."""
        grant.require(Action.READ, collection_id)
        collection = self._collections.get(collection_id)
        faces, users = self._collections.face_count(collection.key), self._collections.user_count(collection.key)
        return GallerySize(collection=collection, faces=faces, users=users)

    def sizes(self, grant: Grant) -> list[GallerySize]:
        """Every collection with its number of faces, ordered by id."""
        grant.require_all(Action.READ)
        return [GallerySize(collection=each, faces=count) for each, count in self._collections.with_sizes()]

    def face_models(self, grant: Grant) -> dict[str, int]:
        """How many collections there are of each face model, by its version."""
        grant.require_all(Action.READ)
        return self._collections.face_models()

    def page(self, grant: Grant, after: int, limit: int) -> list[Collection]:
        """Up to `limit` collections with a key above `after`, oldest first."""
        grant.require_all(Action.READ)
        return self._collections.page(after, limit)

    def retag(self, grant: Grant, collection_id: str, change: Callable[[Tags], Tags]) -> None:
        """Replace the tags with what `change` returns for them. Raises ResourceNotFound, and InvalidParameter where the
        collection's profile would demand less."""
        grant.require(Action.ADMINISTER, collection_id)

        def checked(before: Tags) -> Tags:
            after = change(before)
            check_change(before, after, grant.rules)
            return after

        self._collections.retag(collection_id, checked)

    def delete(self, grant: Grant, collection_id: str) -> None:
        """Delete the collection and everything in it. Raises ResourceNotFound."""
        grant.require(Action.DELETE, collection_id)
        with self._faces.together():
            gone = self._collections.delete(collection_id)
            self._progress.settle_erased(self._clock())
        self._matcher.follow(gone)

    # -- faces -----------------------------------------------------------------------------------------------

    def faces(
        self,
        grant: Grant,
        collection: Collection,
        after: int,
        limit: int,
        *,
        face_ids: Sequence[str] | None = None,
        user_id: str | None = None,
    ) -> list[Face]:
        """Up to `limit` faces with a key above `after`, in key order; only those in `face_ids` and only `user_id`'s, if
        given.

        Where candidates are reviewed, one that is not decided goes by its alias, a verified one by what it is.
        """
        grant.require(Action.READ, collection.id)
        if not grant.reviewed:
            return self._faces.page(collection.key, after, limit, face_ids, user_id)
        if user_id is not None and user_id.startswith(PENDING_LABEL):
            face_ids, user_id = [user_id.rpartition(":")[2]], None
        if face_ids is None:
            self._cases.require_listing(grant)
            return self._faces.page(collection.key, after, limit, None, user_id)
        named = self._named(grant, collection, face_ids)
        mine = [face for face in named if user_id is None or face.user_id == user_id]
        return [replace(face, key=key) for key, face in enumerate(mine, 1)][after : after + limit]

    def _named(self, grant: Grant, collection: Collection, face_ids: Sequence[str]) -> list[Face]:
        """The faces of these ids and aliases, in the order asked."""
        asked = list(dict.fromkeys(face_ids))
        cases = self._cases.named(grant, collection.id, asked)
        verified = {alias: each.face_id for alias, (_, each) in cases.items() if each.state is CandidateState.VERIFIED}
        real = {each: each for each in asked if each not in cases} if self._cases.check_listing(grant) else {}
        names = real | verified
        there = {face.face_id: face for face in self._faces.get(collection.key, [*names.values()])}
        found: list[Face] = []
        for name in asked:
            if name in cases and cases[name][1].state in UNDECIDED:
                case, candidate = cases[name]
                found.append(pending_face(candidate, collection, case))
            elif names.get(name) in there:
                found.append(there[names[name]])
        return found

    def delete_faces(self, grant: Grant, collection_id: str, face_ids: Sequence[str]) -> Deletion:
        """Delete those of the faces that exist and belong to no user. Raises ResourceNotFound."""
        grant.require(Action.DELETE, collection_id)
        collection = self._collections.get(collection_id)
        with self._faces.together():
            deletion = self._faces.delete(collection.key, face_ids)
            self._progress.settle_erased(self._clock())
            grant.note(faces=deletion.deleted)
        self._matcher.follow(collection)
        return deletion
