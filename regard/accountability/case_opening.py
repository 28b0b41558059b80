"""What a search leaves under a profile that has candidates reviewed: a record of it, and a case if it found anybody."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from random import SystemRandom
from uuid import UUID, uuid4

from regard.accountability.gate import Grant
from regard.accountability.profiles.rules import Rules
from regard.accountability.sealed_pictures import CANDIDATE, PROBE, SealedPictures
from regard.accountability.secret_box import SecretBox
from regard.accountability.seeded_pairs import SeededPairs
from regard.domain.authority import Action
from regard.domain.cases import (
    CandidateState,
    Case,
    CaseCandidate,
    CaseState,
    OpenedCase,
    PairKind,
    RankedCandidate,
    Search,
)
from regard.domain.galleries import Collection, Face
from regard.store.case_rows import CaseRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A candidate: its face, whose it is if users were searched, and its similarity (0 to 100)."""

    face: Face
    similarity: float
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRecord:
    """What a search consisted of: candidates best first; `picture` is the probe's face as a JPEG, `sha256` what was
    sent, `edits` how that was made from an original, `utility` (0 to 100) what the probe shows."""

    collection: Collection
    found: Sequence[Found]
    threshold: float
    gallery_size: int
    expected_false: float
    picture: bytes | None = field(default=None, repr=False)
    sha256: str | None = None
    edits: Mapping[str, object] = field(default_factory=dict)
    utility: float | None = None


class CaseOpening:
    """Records searches. It is no door: the engine's searches ask it, with the grant to search."""

    def __init__(
        self,
        *,
        rows: CaseRows,
        pictures: SealedPictures,
        seeds: SeededPairs,
        box: SecretBox,
        clock: Callable[[], datetime],
    ) -> None:
        self._rows = rows
        self._pictures = pictures
        self._seeds = seeds
        self._box = box
        self._clock = clock

    def record(self, grant: Grant, record: SearchRecord) -> tuple[OpenedCase, list[CaseCandidate]]:
        """Record a search, in one transaction with the ledger's entry; the candidates come in an order drawn by lot.

        If this raises, nothing may be answered.
        """
        grant.require(Action.SEARCH, record.collection.id)
        now, search_id = self._clock(), str(uuid4())
        with grant.recording(), self._rows.together():
            record = replace(record, found=self._still_there(record))
            case_id = f"case-{secrets.token_hex(8)}" if record.found else None
            ranked = _numbered(record.found)
            candidates = [] if case_id is None else self._candidates(case_id, search_id, ranked)
            search = self._search(search_id, case_id, grant, record, ranked, now)
            # The entry commits to who was found, and in which order, and tells neither to whoever has it proved.
            sealed = hashlib.sha256(search.sealed_candidates or b"").hexdigest()
            aliases = [{"alias": each.alias} for each in candidates]
            grant.note(search=search_id, candidates=aliases, sealed_sha256=sealed)
            if case_id is not None:
                grant.note(case=case_id)
                self._rows.add(_case(case_id, grant, record, now))
            self._rows.add_search(search)
            self._rows.add_candidates(candidates)
            if case_id is not None:
                self._copy_pictures(case_id, record, candidates)
        if case_id is not None:
            self._seeds.top_up(grant.rules, record.collection)
        needed = grant.rules.review.agreements
        return OpenedCase(id=case_id, needed=needed, receipt=grant.receipt), candidates

    def _still_there(self, record: SearchRecord) -> list[Found]:
        """The candidates without those who were erased since they were found, or are not that user's any more."""
        owners = self._rows.owners(record.collection.id, [each.face.face_id for each in record.found])
        return [
            each
            for each in record.found
            if each.face.face_id in owners and each.user_id in (None, owners[each.face.face_id])
        ]

    def _pseudonym(self, face_id: str) -> str:
        """The best candidate, for the record to tell that somebody is searched for again and again. In no entry, for
        whoever searched has its receipt: it would tell them that two of their cases are of one person."""
        key = self._box.derive("pseudonyms of candidates")
        return hmac.digest(key, face_id.encode(), hashlib.sha256).hex()[:32]

    def _candidates(self, case_id: str, search_id: str, ranked: Sequence[RankedCandidate]) -> list[CaseCandidate]:
        key = self._box.derive("aliases of candidates")
        return [
            CaseCandidate(
                case_id=case_id,
                number=each.number,
                search_id=search_id,
                alias=_alias(key, case_id, each.face_id),
                kind=PairKind.CANDIDATE,
                face_id=each.face_id,
                user_id=each.user_id,
                state=CandidateState.PENDING,
            )
            for each in sorted(ranked, key=lambda each: each.number)
        ]

    def _search(
        self,
        search_id: str,
        case_id: str | None,
        grant: Grant,
        record: SearchRecord,
        ranked: Sequence[RankedCandidate],
        now: datetime,
    ) -> Search:
        authorisation = grant.mandate.authorisation
        listed = json.dumps([asdict(each) for each in ranked]).encode()
        edits = dict(record.edits) | ({} if record.utility is None else {"utility": record.utility})
        return Search(
            id=search_id,
            request_id=grant.caller.request_id,
            case_id=case_id,
            authorisation_id=None if authorisation is None else authorisation.id,
            person_id=grant.person_id,
            operation=grant.act.operation,
            collection=record.collection.id,
            collection_key=record.collection.key,
            profile=grant.rules.name,
            searched_at=now,
            probe_sha256=record.sha256,
            probe_edits=edits,
            face_model=record.collection.face_model,
            threshold=record.threshold,
            gallery_size=record.gallery_size,
            expected_false=record.expected_false,
            candidate_count=len(ranked),
            sealed_candidates=self._box.seal(listed, sealed_for(search_id)),
            purge_after=_purge_after(grant.rules, now),
            best_pseudonym=self._pseudonym(ranked[0].face_id) if ranked else None,
        )

    def _copy_pictures(self, case_id: str, record: SearchRecord, candidates: Sequence[CaseCandidate]) -> None:
        if record.picture is not None:
            self._pictures.add(case_id, PROBE, 0, record.picture)
        at_hand = self._pictures.of_faces(record.collection.key, [each.face_id for each in candidates])
        for each in candidates:
            if each.face_id in at_hand:
                self._pictures.add(case_id, CANDIDATE, each.number, at_hand[each.face_id])


def sealed_for(search_id: str) -> str:
    """What the list of a search's candidates is encrypted for."""
    return f"candidates of the search {search_id}"


def _numbered(found: Sequence[Found]) -> list[RankedCandidate]:
    """The candidates by rank, each with a number drawn by lot."""
    numbers = list(range(1, len(found) + 1))
    SystemRandom().shuffle(numbers)
    return [
        RankedCandidate(
            rank=rank,
            number=number,
            similarity=each.similarity,
            face_id=each.face.face_id,
            user_id=each.user_id or each.face.user_id,
            image_id=each.face.image_id,
            external_image_id=each.face.external_image_id,
        )
        for rank, (number, each) in enumerate(zip(numbers, found, strict=True), 1)
    ]


def _alias(key: bytes, case_id: str, face_id: str) -> str:
    """What a face goes by in one case: in the layout of any face's id, and in no other case the same."""
    digest = hmac.digest(key, f"{case_id}\n{face_id}".encode(), hashlib.sha256)
    return str(UUID(bytes=digest[:16], version=5))


def _case(case_id: str, grant: Grant, record: SearchRecord, now: datetime) -> Case:
    authorisation = grant.mandate.authorisation
    return Case(
        id=case_id,
        collection=record.collection.id,
        authorisation_id=None if authorisation is None else authorisation.id,
        profile=grant.rules.name,
        state=CaseState.OPEN,
        reviews_needed=grant.rules.review.agreements,
        opened_by=grant.person_id,
        opened_at=now,
        purge_after=_purge_after(grant.rules, now),
    )


def _purge_after(rules: Rules, now: datetime) -> datetime | None:
    days = rules.retention.cases_days
    return None if days is None else now + timedelta(days=days)
