"""Cases: what a search found, under names that say nothing until people have compared it with what was sought."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from regard.domain.look_alikes import spellings

#: What a candidate is called until it is decided.
PENDING_LABEL = "review-pending"


class CaseState(StrEnum):
    #: A candidate is not decided yet.
    OPEN = "open"
    VERIFIED = "verified"
    NOT_IDENTIFIED = "not_identified"
    INCONCLUSIVE = "inconclusive"
    #: Verified, and supported by as much else as the profile asks for.
    ACTIONABLE = "actionable"
    PURGED = "purged"
    #: No case: a pair whose answer is known, by which reviewers are measured.
    SEEDED = "seeded"


class CandidateState(StrEnum):
    PENDING = "pending"
    #: Reviewers disagree; one more decides.
    DISPUTED = "disputed"
    VERIFIED = "verified"
    NOT_IDENTIFIED = "not_identified"
    INCONCLUSIVE = "inconclusive"
    #: Their face went before they were decided, and with it all that said who they are.
    ERASED = "erased"


class PairKind(StrEnum):
    CANDIDATE = "candidate"
    SEEDED_MATE = "seeded_mate"
    SEEDED_NONMATE = "seeded_nonmate"


class Opinion(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    INCONCLUSIVE = "inconclusive"


UNDECIDED = frozenset({CandidateState.PENDING, CandidateState.DISPUTED})
_DECISIONS = {
    Opinion.SAME: CandidateState.VERIFIED,
    Opinion.DIFFERENT: CandidateState.NOT_IDENTIFIED,
    Opinion.INCONCLUSIVE: CandidateState.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case as it stands. `reviews_needed` is how many must agree; `opened_by` is the person who searched."""

    id: str
    collection: str
    authorisation_id: str | None
    profile: str
    state: CaseState
    reviews_needed: int
    opened_by: str | None
    opened_at: datetime
    decided_at: datetime | None = None
    purge_after: datetime | None = None
    purged_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search that was recorded, also one that found nobody. `sealed_candidates` is the encrypted list, best first;
    `best_pseudonym` tells that two searches had the same best candidate, to the server alone."""

    id: str
    request_id: str
    case_id: str | None
    authorisation_id: str | None
    person_id: str | None
    operation: str
    collection: str
    collection_key: int
    profile: str
    searched_at: datetime
    probe_sha256: str | None
    probe_edits: Mapping[str, object]
    face_model: str
    threshold: float
    gallery_size: int
    expected_false: float
    candidate_count: int
    sealed_candidates: bytes | None = field(default=None, repr=False)
    purge_after: datetime | None = None
    best_pseudonym: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCandidate:
    """One candidate of a case. `number` is drawn by lot, so that it tells nothing; clients see `alias` until it is
    decided."""

    case_id: str
    number: int
    search_id: str | None
    alias: str
    kind: PairKind
    face_id: str
    user_id: str | None
    state: CandidateState
    decided_at: datetime | None = None

    @property
    def is_verified(self) -> bool:
        return self.state is CandidateState.VERIFIED

    @property
    def label(self) -> str:
        return f"{PENDING_LABEL}:{self.case_id}:{self.number}"


def number_of(label: str | None) -> int:
    """The number that a candidate's `label` names."""
    return int((label or "0").rpartition(":")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedCandidate:
    """A candidate as the search found it; `number` is that in the case. Kept encrypted."""

    rank: int
    number: int
    similarity: float
    face_id: str
    user_id: str | None = None
    image_id: str | None = None
    external_image_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One person's judgement of one pair; `opinion` is None until it is given."""

    key: int
    case_id: str
    number: int
    reviewer_id: str
    assigned_at: datetime
    opinion: Opinion | None
    components: Mapping[str, str]
    reason: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corroboration:
    """What else supports an identification; `independent` if it does not derive from the search."""

    key: int
    case_id: str
    kind: str
    reference: str
    independent: bool
    person_id: str
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedCase:
    """What the client learns of a case: how many reviews each candidate needs, and whether any is done. Without
    candidates there is no case, and `id` is None; `receipt` is the number of the ledger's entry."""

    id: str | None
    needed: int
    done: int = 0
    receipt: int | None = None


def independent_support(corroborations: Iterable[Corroboration]) -> list[Corroboration]:
    """What supports a case and does not derive from its search. What is named twice counts once, however it is written:
    `W-1`, ` w 1` and `Ｗ–1` are one reference, and so are two that only differ in letters which look the same."""
    distinct: list[Corroboration] = []
    named: set[tuple[str, str]] = set()
    for each in corroborations:
        names = {(str(each.kind), _words(spelled)) for spelled in spellings(each.reference)}
        if each.independent and not names & named:
            distinct.append(each)
            named |= names
    return distinct


def _words(reference: str) -> str:
    """Its letters and digits, without what two people write differently: case, spaces, dashes, forms of one letter."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", reference).casefold())
    seen = [each for each in folded if unicodedata.category(each) != "Cf"]  # format characters cannot be seen
    plain = "".join(each if unicodedata.category(each)[0] in "LMN" else " " for each in seen)
    return " ".join(plain.split()) or folded.strip()


def verdict(opinions: Sequence[Opinion], needed: int) -> CandidateState:
    """What these independent opinions come to, in the order in which they were given.

    `needed` of one opinion decide. Where they differ, others are asked, until so many could have agreed: of two with
    two needed, a third. If they still do not, nothing is concluded.
    """
    for opinion, decided in _DECISIONS.items():
        if sum(each is opinion for each in opinions) >= needed:
            return decided
    if len(opinions) >= 2 * needed - 1:
        return CandidateState.INCONCLUSIVE
    return CandidateState.DISPUTED if len(set(opinions)) > 1 else CandidateState.PENDING


def still_needed(opinions: Sequence[Opinion], needed: int) -> int:
    """How many more opinions could decide, if all of them agree."""
    if verdict(opinions, needed) not in UNDECIDED:
        return 0
    return needed - max((sum(each is opinion for each in opinions) for opinion in Opinion), default=0)


def state_of(candidates: Sequence[CandidateState], corroborated: bool) -> CaseState:
    """A case's state, by those of its candidates, and whether enough else supports it."""
    if any(each in UNDECIDED for each in candidates):
        return CaseState.OPEN
    if CandidateState.VERIFIED in candidates:
        return CaseState.ACTIONABLE if corroborated else CaseState.VERIFIED
    if CandidateState.INCONCLUSIVE in candidates or CandidateState.ERASED in candidates:
        return CaseState.INCONCLUSIVE
    return CaseState.NOT_IDENTIFIED
