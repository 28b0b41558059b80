"""What an audit checks of every search, after the fact: all that should have held when it was made, and since.

The gate refuses what breaks a rule. An audit asks again, from the records alone, so that neither a fault of the gate
passes nor somebody who went round it into the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from regard.accountability.authorisation_terms import DOCUMENTS, SLACK, WITHOUT_OFFENCE
from regard.accountability.hands import Hands, Part
from regard.accountability.profiles.rules import Rules
from regard.domain.authorisations import Authorisation, AuthorisationState
from regard.domain.authority import Action
from regard.domain.cases import (
    CandidateState,
    Case,
    CaseCandidate,
    CaseState,
    Corroboration,
    Opinion,
    Review,
    Search,
    independent_support,
)
from regard.domain.people import Role, Training
from regard.domain.thresholds import ThresholdChange

#: What came of these is purged.
_DISCARDED = frozenset({AuthorisationState.REFUSED, AuthorisationState.UNCONFIRMED})
#: A sweeper erases what is due within this time.
_SWEPT_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """A rule that did not hold, of which search, and how."""

    rule: str
    search: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything about one search. `entry` is what the ledger says of it, None where it says nothing; `uses` how many
    searches there are under its authorisation."""

    search: Search
    rules: Rules | None
    authorisation: Authorisation | None
    holders: frozenset[str]
    uses: int
    trainings: Mapping[str, Sequence[Training]]
    thresholds: Sequence[ThresholdChange]
    case: Case | None
    candidates: Sequence[CaseCandidate]
    reviews: Sequence[Review]
    corroborations: Sequence[Corroboration]
    entry: Mapping[str, Any] | None
    hands: Hands
    now: datetime


Check = Callable[[Evidence, Rules], Iterator[str]]


def lapses(evidence: Evidence) -> Iterator[Lapse]:
    """What did not hold of a search."""
    search_id = evidence.search.id
    if evidence.rules is None:
        yield Lapse(rule="profile", search=search_id, words=f"there is no profile {evidence.search.profile} any more")
        return
    for rule, check in CHECKS.items():
        yield from (Lapse(rule=rule, search=search_id, words=words) for words in check(evidence, evidence.rules))


def _ledger(evidence: Evidence, rules: Rules) -> Iterator[str]:
    # What came of an authorisation that was refused goes from the ledger too; `_approval` says that it was refused.
    discarded = evidence.authorisation is not None and evidence.authorisation.state in _DISCARDED
    if rules.ledger and evidence.entry is None and not discarded:
        yield "the ledger has no entry of it, or its body was erased"


def _person(evidence: Evidence, rules: Rules) -> Iterator[str]:
    if rules.people and evidence.search.person_id is None:
        yield "it is nobody's"


def _trained(evidence: Evidence, rules: Rules) -> Iterator[str]:
    person, when = evidence.search.person_id, evidence.search.searched_at
    if Role.SEARCHER in rules.trained and person and not _held(evidence.trainings.get(person, ()), when):
        yield f"{person} had no training that held on {when:%Y-%m-%d}"


def _authorisation(evidence: Evidence, rules: Rules) -> Iterator[str]:
    if Action.SEARCH not in rules.authorisation.actions:
        return
    found, search = evidence.authorisation, evidence.search
    if found is None:
        yield "it was made under no authorisation"
        return
    if not found.starts_at <= search.searched_at < (found.ended_at or found.ends_at):
        yield f"{found.id} was not valid when it was made"
    if found.holder_id not in evidence.holders:
        yield f"{found.id} is somebody else's"
    if found.scope.collections is not None and search.collection not in found.scope.collections:
        yield f"{found.id} is not for the collection {search.collection}"
    if found.scope.operations is not None and search.operation not in found.scope.operations:
        yield f"{found.id} is not for {search.operation}"
    if found.searches_allowed is not None and evidence.uses > found.searches_allowed:
        yield f"{evidence.uses} searches were made under {found.id}, which allows {found.searches_allowed}"


def _approval(evidence: Evidence, _: Rules) -> Iterator[str]:
    found = evidence.authorisation
    if found is None:
        return
    if found.state in {AuthorisationState.REQUESTED, *_DISCARDED}:
        yield f"{found.id} is {found.state}"
    elif found.state is AuthorisationState.EMERGENCY:
        if found.confirm_by is not None and found.confirm_by < evidence.now:
            yield f"{found.id} was not confirmed in time"
    elif found.decided_by is None or found.decided_by == found.requested_by:
        yield f"{found.id} was approved by nobody else than who requested it"


def _purpose(evidence: Evidence, rules: Rules) -> Iterator[str]:
    found, demanded = evidence.authorisation, rules.authorisation
    if found is None:
        return
    if found.purpose in demanded.forbidden_purposes:
        yield f"the purpose {found.purpose} is forbidden"
    if demanded.purposes and found.purpose not in demanded.purposes:
        yield f"the purpose {found.purpose} is none of the profile's"
    if found.kind not in demanded.kinds:
        yield f"the profile knows no authorisation of the kind {found.kind}"
    if demanded.offence and not found.offence and found.kind not in WITHOUT_OFFENCE:
        yield "no offence is named"
    unconfirmed = found.state is AuthorisationState.EMERGENCY
    if (demanded.document or found.kind in DOCUMENTS) and not found.document_sha256 and not unconfirmed:
        yield "no document is named"
    if demanded.declaration and not found.declaration:
        yield "the requester's declaration is missing"
    if found.ends_at - found.starts_at > timedelta(days=demanded.longest_days) + SLACK:
        yield f"{found.id} is longer than {demanded.longest_days:g} days"


def _threshold(evidence: Evidence, rules: Rules) -> Iterator[str]:
    search, least = evidence.search, rules.least_threshold
    for change in evidence.thresholds:
        if change.approved_at is not None and change.approved_at <= search.searched_at:
            least = change.threshold
            if change.threshold < change.threshold_before and change.approved_by == change.requested_by:
                yield f"the threshold {change.threshold:g} was lowered by one person alone"
    if search.threshold < least:
        yield f"it was made at {search.threshold:g}, below {least:g}"


def _poor(evidence: Evidence, rules: Rules) -> Iterator[str]:
    search, found = evidence.search, evidence.authorisation
    utility = search.probe_edits.get("utility")
    if not isinstance(utility, float | int) or utility >= rules.least_probe_utility:
        return
    agreed = None if found is None else found.scope.poor_probes
    if agreed is None or found is None or agreed in (search.person_id, found.requested_by):
        yield f"its picture has a utility of {utility:.0f}, below {rules.least_probe_utility:g}, and nobody else agreed"


def _case(evidence: Evidence, rules: Rules) -> Iterator[str]:
    if not rules.review.agreements or not evidence.search.candidate_count:
        return
    case = evidence.case
    if case is None:
        yield "it returned candidates and opened no case"
        return
    if case.reviews_needed < rules.review.agreements:
        yield f"{case.id} asks for {case.reviews_needed} reviews: too few"


def _reviews(evidence: Evidence, rules: Rules) -> Iterator[str]:
    case = evidence.case
    if case is None or case.state is CaseState.PURGED:
        return
    given = sorted(evidence.reviews, key=lambda each: each.number)
    by_candidate = {number: list(each) for number, each in groupby(given, key=lambda each: each.number)}
    for candidate in evidence.candidates:
        if candidate.state is CandidateState.VERIFIED:
            mine = by_candidate.get(candidate.number, [])
            same = {each.reviewer_id for each in mine if each.opinion is Opinion.SAME}
            if len(same) < max(case.reviews_needed, rules.review.agreements):
                yield f"candidate {candidate.number} of {case.id} is verified by {len(same)} people"
    for review in evidence.reviews:
        if review.reviewer_id == evidence.search.person_id:
            yield f"{review.reviewer_id} searched, and reviewed {case.id}"
        when = review.decided_at
        trained = _held(evidence.trainings.get(review.reviewer_id, ()), when or evidence.now)
        if Role.REVIEWER in rules.trained and when is not None and not trained:
            yield f"{review.reviewer_id} had no training that held when they reviewed {case.id}"


def _one_hand(evidence: Evidence, _: Rules) -> Iterator[str]:
    """Whoever approved, searched and reviewed are to be several people, and not one who knows several passwords."""
    search, found = evidence.search, evidence.authorisation
    acted = [(each.reviewer_id, each.decided_at, frozenset({each.reviewer_id})) for each in evidence.reviews]
    acted.append((search.person_id, search.searched_at, evidence.holders))  # type: ignore[arg-type]
    if found is not None:
        acted.append((found.decided_by, found.decided_at, frozenset({found.decided_by})))  # type: ignore[arg-type]
    parts = [Part(person=who, at=at, ids=ids) for who, at, ids in acted if who is not None and at is not None]
    for by, whom in evidence.hands.one(parts).items():
        yield f"{by} had set what {' and '.join(whom)} act with, and could have been two of those who had a part in it"


def _corroborated(evidence: Evidence, rules: Rules) -> Iterator[str]:
    case = evidence.case
    if case is None or case.state is not CaseState.ACTIONABLE:
        return
    independent = len(independent_support(evidence.corroborations))
    if independent < rules.review.corroborations:
        yield f"{case.id} may be acted on with {independent} independent support"


def _kept(evidence: Evidence, rules: Rules) -> Iterator[str]:
    case = evidence.case
    late = evidence.now - _SWEPT_WITHIN
    if case is not None and case.state is not CaseState.PURGED and case.purge_after and case.purge_after < late:
        yield f"{case.id} should have been erased on {case.purge_after:%Y-%m-%d}"
    days = rules.retention.false_candidates_days
    if case is None or days is None:
        return
    for each in evidence.candidates:
        false = each.state is CandidateState.NOT_IDENTIFIED and each.decided_at is not None
        if false and each.decided_at is not None and each.decided_at + timedelta(days=days) < late:
            yield f"candidate {each.number} of {case.id} is somebody else, and is kept for more than {days:g} days"


def _held(trainings: Sequence[Training], when: datetime) -> bool:
    return any(each.completed_at <= when < each.expires_at for each in trainings)


#: The rules that are checked, in words.
CHECKS: Mapping[str, Check] = {
    "It is in the ledger": _ledger,
    "A person searched": _person,
    "They were trained": _trained,
    "It was authorised": _authorisation,
    "Another person approved": _approval,
    "For a purpose that is allowed": _purpose,
    "At a threshold that is allowed": _threshold,
    "Another person agreed to a poor picture": _poor,
    "It opened a case": _case,
    "Enough people reviewed it, and the right ones": _reviews,
    "No two of them were in one hand": _one_hand,
    "Nothing is acted on without independent support": _corroborated,
    "Nothing is kept for too long": _kept,
}
