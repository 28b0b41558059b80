"""Searching for faces: the one definition of a search, for every caller.

A result always has N, the number of faces in the gallery, and the number of false candidates to expect by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from regard.accountability.enrolment_terms import EnrolmentTerms
from regard.accountability.gate import Grant
from regard.accountability.probe_limits import check_utility, face_counter
from regard.domain.authority import Action
from regard.domain.cases import OpenedCase
from regard.domain.galleries import FACES, Collection, Match
from regard.domain.images import Box, ObjectName
from regard.engine.analysis.mean_looks import MeanLook, mean_looks
from regard.engine.analysis.probes import Look, ProbeReader, Probes
from regard.engine.galleries.collection_models import embedding_for
from regard.engine.galleries.matching import Matcher
from regard.engine.galleries.replacement import in_its_place
from regard.engine.galleries.reviewed_search import Circumstances, Probe, ReviewedSearch
from regard.media.portraits import encoded
from regard.store.collection_rows import CollectionRows
from regard.store.indexed_file_rows import IndexedFileRows


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """At most `most` candidates for each probe, with a similarity of at least `threshold` (0 to 100)."""

    most: int
    threshold: float
    #: How the probe's picture was made from an original: for the record of a search, where there is one.
    edits: Mapping[str, object] = field(default_factory=dict)
    #: Which face of the picture is searched for: that which overlaps this most. The largest, unless given.
    chosen: Box | None = None

    @property
    def recorded(self) -> dict[str, object]:
        """What a record says of how the probe came about."""
        return dict(self.edits) | ({} if self.chosen is None else {"chosen_face": asdict(self.chosen)})


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSearchResult:
    """Candidates for each probe, best first, and the numbers to judge them by.

    `gallery_size` is N, the faces in the gallery; `expected_false` the number of false candidates to expect by
    chance for each probe. `probes` are the faces searched for; None after a search for an enrolled face. `cases` is
    what reviewing them takes, for each probe, where the profile has them reviewed: the candidates then go by aliases.
    `means` are what a search by looks has for probes.
    """

    collection: Collection
    matches: list[list[Match]]
    gallery_size: int
    expected_false: float
    probes: Probes | None = None
    cases: tuple[OpenedCase, ...] = ()
    means: tuple[MeanLook, ...] = ()


class FaceSearch:
    """Searches a collection's faces. Nothing of a probe is kept, unless the profile has candidates reviewed."""

    def __init__(
        self,
        *,
        collections: CollectionRows,
        matcher: Matcher,
        probes: ProbeReader,
        terms: EnrolmentTerms,
        indexed_files: IndexedFileRows,
        reviewed: ReviewedSearch,
    ) -> None:
        self._collections = collections
        self._matcher = matcher
        self._probes = probes
        self._terms = terms
        self._indexed_files = indexed_files
        self._reviewed = reviewed

    def by_image(
        self,
        grant: Grant,
        collection_id: str,
        picture: bytes | ObjectName,
        options: SearchOptions,
        *,
        level: str = "NONE",
        faces: int = 1,
    ) -> FaceSearchResult:
        """Search for those of the `faces` largest faces of a picture that pass the quality filter's `level`.

        Raises ResourceNotFound, ResourceNotReady, InvalidParameter if there is no such face, and what
        `ImageLoader.reading` raises.
        """
        grant.require(Action.SEARCH, collection_id)
        sent = ""

        def search(collection: Collection, size: int) -> FaceSearchResult:
            nonlocal sent
            self._terms.check_reviewed(grant, collection)
            reader = embedding_for(collection, self._probes.using)
            with reader.reading(picture) as (opened,):
                grant.note(pictures=[opened.image_id])
                image, counted = opened.load().image, face_counter(grant)
                probes = reader.of(image, level, most=faces, counted=counted, chosen=options.chosen)
                sent = opened.sha256 if grant.reviewed else ""
            check_utility(grant, None if probes.faces.utility is None else float(probes.faces.utility.min()))
            matches = self._matcher.faces(
                collection, probes.embeddings, probes.faces.utility, most=options.most, threshold=options.threshold
            )
            return self._result(grant, collection, size, matches, options, probes)

        found = in_its_place(self._collections, collection_id, FACES, search, _found_nothing)
        return self._answered(grant, found, options, _probes(found, sent, options) if grant.reviewed else [])

    def by_looks(
        self, grant: Grant, collection_id: str, people: Sequence[Sequence[Look]], options: SearchOptions
    ) -> FaceSearchResult:
        """Search for people whom one video shows in several looks each, by the mean of those looks' embeddings.

        The result's `matches` are those of its `means`, which say whose they are: of one person there are several if
        the looks are at several people. It has no `probes`. Raises as `by_image`, but for what reading a picture
        raises.
        """
        grant.require(Action.SEARCH, collection_id)
        grant.note(probes=len(people))
        probes: list[Probe] = []

        def search(collection: Collection, size: int) -> FaceSearchResult:
            self._terms.check_reviewed(grant, collection)
            reader = embedding_for(collection, self._probes.using)
            means = mean_looks(reader, people, self._matcher.least_of_looks(collection))
            grant.note(probes=len(means))
            utilities = np.array([np.nan if each.utility is None else each.utility for each in means], np.float32)
            if grant.reviewed:
                firsts = [people[each.person][each.looks[0]] for each in means]
                probes[:] = [
                    Probe(picture=encoded(first.image, first.face.box(0)), sha256="", utility=mean.utility)
                    for first, mean in zip(firsts, means, strict=True)
                ]
            embeddings = np.stack([each.embedding for each in means]).astype(np.float32)
            rated = None if np.isnan(utilities).all() else utilities
            matches = self._matcher.faces(collection, embeddings, rated, most=options.most, threshold=options.threshold)
            return replace(self._result(grant, collection, size, matches, options), means=tuple(means))

        if not people:
            collection, size = self._collections.with_size(collection_id, FACES)
            return self._result(grant, collection, size, [], options)
        found = in_its_place(self._collections, collection_id, FACES, search, _found_nothing)
        return self._answered(grant, found, options, probes)

    def by_face(self, grant: Grant, collection_id: str, face_id: str, options: SearchOptions) -> FaceSearchResult:
        """Search for an enrolled face, which is left out of the result. Raises InvalidParameter if it is not there."""
        grant.require(Action.SEARCH, collection_id)
        grant.note(probe_face=face_id)

        def search(collection: Collection, size: int) -> FaceSearchResult:
            self._terms.check_reviewed(grant, collection)
            with grant.looking_up():
                probe, most = self._matcher.embedding(collection, face_id), options.most + 1
            utility = self._matcher.utility(collection, face_id)
            check_utility(grant, utility)
            utilities = None if utility is None else np.array([utility], np.float32)
            (matches,) = self._matcher.faces(collection, probe[None], utilities, most=most, threshold=options.threshold)
            others = [match for match in matches if match.face.face_id != face_id]
            return self._result(grant, collection, size, [others[: options.most]], options)

        found = in_its_place(self._collections, collection_id, FACES, search, _found_nothing)
        if not grant.reviewed:
            return found
        utility = self._matcher.utility(found.collection, face_id)
        probe = self._reviewed.probe_face(found.collection, face_id, utility)
        return self._answered(grant, found, options, [probe])

    def files(self, grant: Grant, result: FaceSearchResult) -> dict[str, str]:
        """Image id to path, for the candidates that came from a file."""
        grant.require(Action.SEARCH, result.collection.id)
        images = sorted({match.face.image_id for matches in result.matches for match in matches})
        return self._indexed_files.path_of(result.collection.key, images)

    def _answered(
        self, grant: Grant, found: FaceSearchResult, options: SearchOptions, probes: Sequence[Probe]
    ) -> FaceSearchResult:
        """The result as it may leave: where candidates are reviewed, once it is on record, and under aliases."""
        if not grant.reviewed:
            return found
        where = Circumstances(
            collection=found.collection,
            threshold=options.threshold,
            gallery_size=found.gallery_size,
            expected_false=found.expected_false,
        )
        each = [self._reviewed.faces(grant, where, *pair) for pair in zip(found.matches, probes, strict=True)]
        return replace(found, cases=tuple(case for case, _ in each), matches=[matches for _, matches in each])

    def _result(
        self,
        grant: Grant,
        collection: Collection,
        size: int,
        matches: list[list[Match]],
        options: SearchOptions,
        probes: Probes | None = None,
    ) -> FaceSearchResult:
        expected_false = self._matcher.expected_false(collection, options.threshold, size)
        self._terms.used(grant, collection, [each.face.face_id for found in matches for each in found])
        if grant.recorded:
            candidates: list[dict[str, str | float]] = [
                {"probe": row, "face": each.face.face_id, "similarity": each.similarity}
                for row, found in enumerate(matches)
                for each in found
            ]
            note_search(grant, collection, size, expected_false, candidates)
        return FaceSearchResult(
            collection=collection,
            matches=matches,
            gallery_size=size,
            expected_false=expected_false,
            probes=probes,
        )


def _probes(found: FaceSearchResult, sent: str, options: SearchOptions) -> list[Probe]:
    """What was searched for, as far as the record says."""
    if found.probes is None:
        raise ValueError("a search by image has probes")
    faces, image = found.probes.faces, found.probes.image
    return [
        Probe(
            picture=encoded(image, faces.box(row)),
            sha256=sent,
            edits=options.recorded,
            utility=None if faces.utility is None else float(faces.utility[row]),
        )
        for row in range(len(faces))
    ]


def _found_nothing(result: FaceSearchResult) -> bool:
    return not any(result.matches)


def note_search(
    grant: Grant,
    collection: Collection,
    size: int,
    expected_false: float,
    candidates: Sequence[Mapping[str, str | float]],
) -> None:
    """Let the ledger's entry say what a search found, all candidates in their order, and in how many.

    Where candidates are reviewed, `CaseOpening` says which: whoever searched may have the entry proved to them.
    """
    grant.note(gallery_size=size, expected_false=expected_false, face_model=collection.face_model)
    if not grant.reviewed:
        grant.note(candidates=candidates)
