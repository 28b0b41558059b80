"""What a search answers under a profile that has candidates reviewed: their aliases, in an order that tells nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from regard.accountability.case_opening import CaseOpening, Found, SearchRecord
from regard.accountability.gate import Grant
from regard.accountability.sealed_pictures import SealedPictures
from regard.domain.cases import PENDING_LABEL, Case, CaseCandidate, OpenedCase
from regard.domain.galleries import Collection, Face, Match, UserMatch
from regard.domain.images import Box
from regard.store.face_rows import FaceRows

#: What tells one face from another is left out of what is answered before it is reviewed.
_WHOLE_PICTURE = Box(left=0.0, top=0.0, width=1.0, height=1.0)
_PENDING_CONFIDENCE = 99.9
#: A user has at most a hundred faces.
_MOST_USER_FACES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was searched for, as far as a record of it says: its face as a JPEG, the SHA-256 of the picture, how that
    was made, and the face's utility."""

    picture: bytes | None = field(default=None, repr=False)
    sha256: str | None = None
    edits: Mapping[str, object] = field(default_factory=dict)
    utility: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Where and how was searched, which numbers go with a result."""

    collection: Collection
    threshold: float
    gallery_size: int
    expected_false: float


class ReviewedSearch:
    """Records a search, and puts aliases in the place of what it found."""

    def __init__(self, opening: CaseOpening, pictures: SealedPictures, faces: FaceRows) -> None:
        self._opening = opening
        self._pictures = pictures
        self._faces = faces

    def faces(
        self, grant: Grant, where: Circumstances, matches: Sequence[Match], probe: Probe
    ) -> tuple[OpenedCase, list[Match]]:
        """The case, and a match for each candidate. Raises what keeps the search from being recorded."""
        by_face = {match.face.face_id: match for match in matches}
        found = [Found(face=each.face, similarity=each.similarity) for each in matches]
        opened, candidates = self._opening.record(grant, _record(where, found, probe))
        masked = [
            Match(
                face=pending_face(each, where.collection),
                cosine=0.0,
                similarity=_shown(grant, where, by_face[each.face_id].similarity),
            )
            for each in candidates
        ]
        return opened, masked

    def users(
        self, grant: Grant, where: Circumstances, matches: Sequence[UserMatch], probe: Probe
    ) -> tuple[OpenedCase, list[UserMatch]]:
        """The same for users, of each of whom one face is reviewed."""
        by_user = {match.user.id: match for match in matches}
        found = [
            Found(face=face, similarity=each.similarity, user_id=each.user.id)
            for each in matches
            if (face := self._face_of(where.collection, each.user.id)) is not None  # else it was deleted just now
        ]
        opened, candidates = self._opening.record(grant, _record(where, found, probe))
        masked = []
        for each in candidates:
            match = by_user[each.user_id or ""]
            user = replace(match.user, key=0, id=f"{PENDING_LABEL}:{each.alias}")
            masked.append(UserMatch(user=user, cosine=0.0, similarity=_shown(grant, where, match.similarity)))
        return opened, masked

    def probe_face(self, collection: Collection, face_id: str, utility: float | None) -> Probe:
        """An enrolled face that was searched for."""
        picture = self._pictures.of_faces(collection.key, [face_id]).get(face_id)
        return Probe(picture=picture, edits={"face": face_id}, utility=utility)

    def probe_user(self, collection: Collection, user_id: str) -> Probe:
        """A user who was searched for: the face that shows most of them."""
        face = self._face_of(collection, user_id)
        if face is None:
            return Probe(edits={"user": user_id})
        return replace(self.probe_face(collection, face.face_id, face.utility), edits={"user": user_id})

    def _face_of(self, collection: Collection, user_id: str) -> Face | None:
        """The face that shows most of a user, of those that have a picture if any have."""
        theirs = self._faces.page(collection.key, 0, _MOST_USER_FACES, user_id=user_id)
        pictured = self._pictures.of_faces(collection.key, [each.face_id for each in theirs])
        return max(theirs, key=lambda each: (each.face_id in pictured, each.utility or 0.0, -each.key), default=None)


def pending_face(candidate: CaseCandidate, collection: Collection, case: Case | None = None) -> Face:
    """A candidate as clients see it before it is decided."""
    return Face(
        key=0,
        face_id=candidate.alias,
        image_id=candidate.alias,
        external_image_id=candidate.label,
        box=_WHOLE_PICTURE,
        confidence=_PENDING_CONFIDENCE,
        face_model=collection.face_model,
        created_at=collection.created_at if case is None else case.opened_at,
    )


def _record(where: Circumstances, found: Sequence[Found], probe: Probe) -> SearchRecord:
    return SearchRecord(
        collection=where.collection,
        found=found,
        threshold=where.threshold,
        gallery_size=where.gallery_size,
        expected_false=where.expected_false,
        picture=probe.picture,
        sha256=probe.sha256,
        edits=probe.edits,
        utility=probe.utility,
    )


def _shown(grant: Grant, where: Circumstances, similarity: float) -> float:
    return where.threshold if grant.rules.review.hide_scores else similarity
