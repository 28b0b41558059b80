"""Searching for users: people of a collection, each found by the one vector made of their faces."""

from __future__ import annotations

from dataclasses import dataclass, replace

from regard.accountability.enrolment_terms import EnrolmentTerms
from regard.accountability.gate import Grant
from regard.accountability.probe_limits import check_utility, face_counter
from regard.domain.authority import Action
from regard.domain.cases import OpenedCase
from regard.domain.faces import Faces
from regard.domain.galleries import USERS, Collection, UserMatch
from regard.domain.images import ObjectName
from regard.engine.analysis.probes import NoFace, ProbeReader
from regard.engine.analysis.quality_filter import DESCRIBED, JUDGED, reasons, told, utility_reasons
from regard.engine.galleries.collection_models import embedding_for
from regard.engine.galleries.face_search import SearchOptions, note_search
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.replacement import in_its_place
from regard.engine.galleries.reviewed_search import Circumstances, Probe, ReviewedSearch
from regard.errors import InvalidParameter
from regard.media.portraits import encoded
from regard.store.collection_rows import CollectionRows
from regard.store.user_rows import UserRows


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSearchResult:
    """Candidates, best first, and the numbers to judge them by, as in `FaceSearchResult`; N counts users with faces.

    After a search by image, `found` has the image's faces, largest first, and `failed` the reasons why each does not
    pass the quality filter; only the first face was searched for, and only if it passed. `case` is as `cases` there.
    """

    collection: Collection
    matches: list[UserMatch]
    gallery_size: int
    expected_false: float
    found: Faces | None = None
    failed: tuple[tuple[str, ...], ...] = ()
    case: OpenedCase | None = None


class UserSearch:
    """Searches a collection's users. Nothing of a probe is kept, unless the profile has candidates reviewed."""

    def __init__(
        self,
        *,
        collections: CollectionRows,
        users: UserRows,
        matcher: Matcher,
        probes: ProbeReader,
        reviewed: ReviewedSearch,
        terms: EnrolmentTerms,
    ) -> None:
        self._collections = collections
        self._users = users
        self._matcher = matcher
        self._probes = probes
        self._reviewed = reviewed
        self._terms = terms

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
        searched = Probe()

        def search(collection: Collection, size: int) -> UserSearchResult:
            nonlocal searched
            self._terms.check_reviewed(grant, collection)
            reader, matches = embedding_for(collection, self._probes.using), list[UserMatch]()
            with reader.reading(picture) as (opened,):
                grant.note(pictures=[opened.image_id])
                image = opened.load().image
                found = reader.found(image, JUDGED, options.chosen)
                if not len(found):
                    raise NoFace(image)
                if counted := face_counter(grant):
                    counted(len(found))
                failed = tuple(tuple(each) for each in reasons(found, image, level))
                probe = None if failed[0] else reader.embedded(image, found.take(slice(1)))
                if grant.reviewed:
                    searched = Probe(picture=encoded(image, found.box(0)), sha256=opened.sha256, edits=options.recorded)
                del image
            if probe is not None and (poor := utility_reasons(probe.faces, level)[0]):
                failed = (tuple(poor), *failed[1:])
            elif probe is not None:
                utility = None if probe.faces.utility is None else float(probe.faces.utility[0])
                check_utility(grant, utility)
                searched = replace(searched, utility=utility)
                matches = self._matcher.users(
                    collection, probe.embeddings[0], utility, most=options.most, threshold=options.threshold
                )
            return self._result(grant, collection, size, matches, options, found=told(found, DESCRIBED), failed=failed)

        result = in_its_place(self._collections, collection_id, USERS, search, _found_nothing)
        return self._answered(grant, result, options, searched)

    def by_user(self, grant: Grant, collection_id: str, user_id: str, options: SearchOptions) -> UserSearchResult:
        """Search for a user, who is left out of the result. Raises InvalidParameter for a user without faces."""
        grant.require(Action.SEARCH, collection_id)
        grant.note(probe_user=user_id)

        def search(collection: Collection, size: int) -> UserSearchResult:
            self._terms.check_reviewed(grant, collection)
            with grant.looking_up():
                probe = self._users.vector(collection.key, user_id)
                if probe is None:
                    raise InvalidParameter(f"The user {user_id} has no faces to search with; associate some first.")
            utility, most = self._users.utility(collection.key, user_id), options.most + 1
            matches = self._matcher.users(collection, probe, utility, most=most, threshold=options.threshold)
            others = [match for match in matches if match.user.id != user_id]
            return self._result(grant, collection, size, others[: options.most], options)

        result = in_its_place(self._collections, collection_id, USERS, search, _found_nothing)
        if not grant.reviewed:
            return result
        return self._answered(grant, result, options, self._reviewed.probe_user(result.collection, user_id))

    def by_face(self, grant: Grant, collection_id: str, face_id: str, options: SearchOptions) -> UserSearchResult:
        """Search by an enrolled face, of any user or none. Raises InvalidParameter if there is no such face."""
        grant.require(Action.SEARCH, collection_id)
        grant.note(probe_face=face_id)

        def search(collection: Collection, size: int) -> UserSearchResult:
            self._terms.check_reviewed(grant, collection)
            with grant.looking_up():
                probe = self._matcher.embedding(collection, face_id)
            utility = self._matcher.utility(collection, face_id)
            check_utility(grant, utility)
            matches = self._matcher.users(collection, probe, utility, most=options.most, threshold=options.threshold)
            return self._result(grant, collection, size, matches, options)

        result = in_its_place(self._collections, collection_id, USERS, search, _found_nothing)
        if not grant.reviewed:
            return result
        utility = self._matcher.utility(result.collection, face_id)
        probe = self._reviewed.probe_face(result.collection, face_id, utility)
        return self._answered(grant, result, options, probe)

    def _answered(
        self, grant: Grant, result: UserSearchResult, options: SearchOptions, probe: Probe
    ) -> UserSearchResult:
        """The result as it may leave, as in `FaceSearch`."""
        if not grant.reviewed:
            return result
        where = Circumstances(
            collection=result.collection,
            threshold=options.threshold,
            gallery_size=result.gallery_size,
            expected_false=result.expected_false,
        )
        case, matches = self._reviewed.users(grant, where, result.matches, probe)
        return replace(result, case=case, matches=matches)

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
        self._terms.used_users(grant, collection, [each.user.key for each in matches])
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
