"""Searching for users: people of a collection, each found by the one vector made of their faces."""

from __future__ import annotations

from dataclasses import dataclass

from regard.accountability.gate import Grant
from regard.domain.authority import Action
from regard.domain.faces import Faces
from regard.domain.galleries import USERS, Collection, UserMatch
from regard.domain.images import ObjectName
from regard.engine.analysis.probes import NoFace, ProbeReader
from regard.engine.analysis.quality_filter import DESCRIBED, JUDGED, reasons, told, utility_reasons
from regard.engine.galleries.collection_models import embedding_for
from regard.engine.galleries.face_search import SearchOptions, note_search
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.replacement import in_its_place
from regard.errors import InvalidParameter
from regard.store.collection_rows import CollectionRows
from regard.store.user_rows import UserRows


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSearchResult:
    """Candidates, best first, and the numbers to judge them by, as in `FaceSearchResult`; N counts users with faces.

    After a search by image, `found` has the image's faces, largest first, and `failed` the reasons why each does not
    pass the quality filter; only the first face was searched for, and only if it passed.
    """

    collection: Collection
    matches: list[UserMatch]
    gallery_size: int
    expected_false: float
    found: Faces | None = None
    failed: tuple[tuple[str, ...], ...] = ()


class UserSearch:
    """Searches a collection's users. Nothing of a probe is kept."""

    def __init__(
        self,
        *,
        collections: CollectionRows,
        users: UserRows,
        matcher: Matcher,
        probes: ProbeReader,
    ) -> None:
        self._collections = collections
        self._users = users
        self._matcher = matcher
        self._probes = probes

    def by_image(
        self,
        grant: Grant,
        collection_id: str,
        picture: bytes | ObjectName,
        options: SearchOptions,
        level: str = "NONE",
    ) -> UserSearchResult:
        """Search for the largest face of a picture, if it passes the quality filter's `level`. Raises NoFace if there
        is none at all."""
        grant.require(Action.SEARCH, collection_id)

        def search(collection: Collection, size: int) -> UserSearchResult:
            reader, matches = embedding_for(collection, self._probes.using), list[UserMatch]()
            with reader.reading(picture) as (opened,):
                grant.note(pictures=[opened.image_id])
                image = opened.load().image
                found = reader.found(image, JUDGED)
                if not len(found):
                    raise NoFace(image)
                failed = tuple(tuple(each) for each in reasons(found, image, level))
                probe = None if failed[0] else reader.embedded(image, found.take(slice(1)))
                del image
            if probe is not None and (poor := utility_reasons(probe.faces, level)[0]):
                failed = (tuple(poor), *failed[1:])
            elif probe is not None:
                utility = None if probe.faces.utility is None else float(probe.faces.utility[0])
                matches = self._matcher.users(
                    collection, probe.embeddings[0], utility, most=options.most, threshold=options.threshold
                )
            return self._result(grant, collection, size, matches, options, found=told(found, DESCRIBED), failed=failed)

        return in_its_place(self._collections, collection_id, USERS, search, _found_nothing)

    def by_user(self, grant: Grant, collection_id: str, user_id: str, options: SearchOptions) -> UserSearchResult:
        """Search for a user, who is left out of the result. Raises InvalidParameter for a user without faces."""
        grant.require(Action.SEARCH, collection_id)
        grant.note(probe_user=user_id)

        def search(collection: Collection, size: int) -> UserSearchResult:
            probe = self._users.vector(collection.key, user_id)
            if probe is None:
                raise InvalidParameter(f"The user {user_id} has no faces to search with; associate some first.")
            utility, most = self._users.utility(collection.key, user_id), options.most + 1
            matches = self._matcher.users(collection, probe, utility, most=most, threshold=options.threshold)
            others = [match for match in matches if match.user.id != user_id]
            return self._result(grant, collection, size, others[: options.most], options)

        return in_its_place(self._collections, collection_id, USERS, search, _found_nothing)

    def by_face(self, grant: Grant, collection_id: str, face_id: str, options: SearchOptions) -> UserSearchResult:
        """Search by an enrolled face, of any user or none. Raises InvalidParameter if there is no such face."""
        grant.require(Action.SEARCH, collection_id)
        grant.note(probe_face=face_id)

        def search(collection: Collection, size: int) -> UserSearchResult:
            probe = self._matcher.embedding(collection, face_id)
            utility = self._matcher.utility(collection, face_id)
            matches = self._matcher.users(collection, probe, utility, most=options.most, threshold=options.threshold)
            return self._result(grant, collection, size, matches, options)

        return in_its_place(self._collections, collection_id, USERS, search, _found_nothing)

    def _result(  # noqa: PLR0913, PLR0917 - what a search consists of
        self,
        grant: Grant,
        collection: Collection,
        size: int,
        matches: list[UserMatch],
        options: SearchOptions,
        found: Faces | None = None,
        failed: tuple[tuple[str, ...], ...] = (),
    ) -> UserSearchResult:
        expected_false = self._matcher.expected_false(collection, options.threshold, size)
        if grant.recorded:
            candidates: list[dict[str, str | float]] = [
                {"user": each.user.id, "similarity": each.similarity} for each in matches
            ]
            note_search(grant, collection, size, expected_false, candidates)
        return UserSearchResult(
            collection=collection,
            matches=matches,
            gallery_size=size,
            expected_false=expected_false,
            found=found,
            failed=failed,
        )


def _found_nothing(result: UserSearchResult) -> bool:
    return not result.matches
