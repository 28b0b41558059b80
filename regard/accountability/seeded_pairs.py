"""Pairs whose answer is known, by which reviewers are measured: to them they look like any other, and come as often as
the profile says."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import SystemRandom
from uuid import UUID, uuid4

from regard.accountability.profiles.rules import Rules
from regard.accountability.sealed_pictures import CANDIDATE, PROBE, SealedPictures
from regard.domain.cases import CandidateState, Case, CaseCandidate, CaseState, PairKind
from regard.domain.galleries import Collection
from regard.store.case_rows import CaseRows
from regard.store.collection_rows import CollectionRows
from regard.store.review_rows import OpenPair, ReviewRows
from regard.store.seed_rows import PicturedFace, SeedRows

#: So many of each kind wait to be drawn, so that drawing one takes as long as drawing any other pair.
_READY = 4
#: One that nobody has drawn by then goes; one that somebody judged counts among their errors until it is this old.
_LASTS, _COUNTS = timedelta(days=7), timedelta(days=1095)
_LOTS = 100


class SeededPairs:
    """Makes such pairs of a collection's own faces, and draws them among the others."""

    def __init__(
        self,
        *,
        collections: CollectionRows,
        rows: CaseRows,
        reviews: ReviewRows,
        seeds: SeedRows,
        pictures: SealedPictures,
        clock: Callable[[], datetime],
    ) -> None:
        self._collections = collections
        self._rows = rows
        self._reviews = reviews
        self._seeds = seeds
        self._pictures = pictures
        self._clock = clock
        self._random = SystemRandom()

    def draw(self, rules: Rules, pairs: Sequence[OpenPair]) -> OpenPair | None:
        """One of the pairs that may be judged, by lot; None if no candidate is among them."""
        by_kind: dict[PairKind, list[OpenPair]] = {}
        for each in pairs:
            by_kind.setdefault(each.kind, []).append(each)
        real = by_kind.get(PairKind.CANDIDATE)
        if not real:
            return None
        lot, mates = self._random.randrange(_LOTS), rules.review.seeded_mates
        if lot < mates:
            kind = PairKind.SEEDED_MATE
        else:
            seeded = lot < mates + rules.review.seeded_nonmates
            kind = PairKind.SEEDED_NONMATE if seeded else PairKind.CANDIDATE
        return self._random.choice(by_kind.get(kind, real))

    def end(self, case_id: str) -> None:
        """One was judged: its pictures go, and whose they were."""
        self._seeds.end(case_id)

    def refill(self, rules: Rules, case_id: str) -> None:
        """Have seeded pairs ready in a case's collection for whoever comes next."""
        collection = self._collections.find(self._rows.collection_of(case_id))
        if collection is not None:
            self.top_up(rules, collection)

    def top_up(self, rules: Rules, collection: Collection) -> None:
        """Have some ready of each kind that the profile wants, as far as the collection's faces allow."""
        wanted = {
            PairKind.SEEDED_MATE: rules.review.seeded_mates,
            PairKind.SEEDED_NONMATE: rules.review.seeded_nonmates,
        }
        now = self._clock()
        self._seeds.forget(collection.id, undrawn_before=now - _LASTS, judged_before=now - _COUNTS)
        there = self._reviews.seeds(collection.id)
        lacking = [kind for kind, share in wanted.items() if share and there.get(kind, 0) < _READY]
        if not lacking:
            return
        faces = self._seeds.some(collection.key)
        self._random.shuffle(faces)
        for kind in lacking:
            for pair in pairs_of(faces, mates=kind is PairKind.SEEDED_MATE)[: _READY - there.get(kind, 0)]:
                self._add(collection, kind, *pair)

    def _add(self, collection: Collection, kind: PairKind, probe: PicturedFace, candidate: PicturedFace) -> None:
        case_id, now = f"case-{secrets.token_hex(8)}", self._clock()
        case = Case(
            id=case_id,
            collection=collection.id,
            authorisation_id=None,
            profile="",
            state=CaseState.SEEDED,
            reviews_needed=1,
            opened_by=None,
            opened_at=now,
        )
        seeded = CaseCandidate(
            case_id=case_id,
            number=1,
            search_id=None,
            alias=str(UUID(bytes=uuid4().bytes, version=5)),
            kind=kind,
            face_id=candidate.face_id,
            user_id=None,
            state=CandidateState.PENDING,
        )
        with self._rows.together():  # whoever is erased before it has no picture in it, and after it none is left
            pictures = self._pictures.of_faces(collection.key, [probe.face_id, candidate.face_id])
            if len(pictures) < 2:
                return
            self._rows.add(case)
            self._rows.add_candidates([seeded])
            self._pictures.add(case_id, PROBE, 0, pictures[probe.face_id])
            self._pictures.add(case_id, CANDIDATE, 1, pictures[candidate.face_id])


def pairs_of(faces: Sequence[PicturedFace], *, mates: bool) -> list[tuple[PicturedFace, PicturedFace]]:
    """Pairs of one person in two pictures, or of two people; each face is in one of them at most."""
    whose = _people(faces)
    left = [each for each in faces if each.face_id in whose]
    found: list[tuple[PicturedFace, PicturedFace]] = []
    while left:
        one = left.pop()
        kind, person = whose[one.face_id]
        for other in left:
            same_kind, is_same = whose[other.face_id][0] == kind, whose[other.face_id][1] == person
            if same_kind and is_same is mates and other.image_id != one.image_id:
                left.remove(other)
                found.append((one, other))
                break
    return found


def _people(faces: Sequence[PicturedFace]) -> dict[str, tuple[str, str]]:
    """Face id to whose it is known to be: its user; or its external image id if that stands for a person, and not for
    a picture, which it does where several pictures have it. A face with neither is nobody's that is known."""
    images: dict[str, set[str]] = {}
    for each in faces:
        if each.external_image_id is not None:
            images.setdefault(each.external_image_id, set()).add(each.image_id)
    found: dict[str, tuple[str, str]] = {}
    for each in faces:
        name = each.external_image_id
        if each.user_id is not None:
            found[each.face_id] = ("user", each.user_id)
        elif name is not None and len(images[name]) > 1:
            found[each.face_id] = ("name", name)
    return found
