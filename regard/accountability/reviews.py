"""Reviews: people compare a candidate with what was searched for, each on their own, and knowing nothing else.

A reviewer is shown two pictures and a number: no score, rank, name, purpose or searcher, and nobody's opinion, for
knowing the machine's shifts people's own (Howard et al., PLOS ONE 2020; ACCOUNTABILITY row 41).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from regard.accountability.case_progress import CaseProgress
from regard.accountability.gate import Grant
from regard.accountability.plain_words import check_words
from regard.accountability.sealed_pictures import SealedPictures
from regard.accountability.seeded_pairs import SeededPairs
from regard.domain.authority import Action
from regard.domain.cases import UNDECIDED, CaseCandidate, Opinion, PairKind, verdict
from regard.domain.comparisons import COMPONENTS, LONGEST_REASON, Judgement, Mark
from regard.domain.people import Person
from regard.errors import AccessDenied, InvalidParameter
from regard.store.case_rows import CaseRows
from regard.store.people_rows import PeopleRows
from regard.store.review_rows import ReviewRows, SeededResult

#: A pair that was given to somebody is given to others too after this time.
LEFT_AFTER = timedelta(hours=1)
#: A reviewer learns of their own errors by so many pairs at a time.
TOLD_BY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """All that a reviewer learns: two pictures of faces, as JPEG, and the number to answer under."""

    number: int
    probe: bytes = field(repr=False)
    candidate: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerRates:
    """How a reviewer did with pairs whose answer is known. A rate is None as long as there was no such pair."""

    reviewer_id: str
    name: str
    login: str | None
    mates: int
    missed_mates: int
    nonmates: int
    false_matches: int
    inconclusive: int

    @property
    def miss_rate(self) -> float | None:
        return self.missed_mates / self.mates if self.mates else None

    @property
    def false_match_rate(self) -> float | None:
        return self.false_matches / self.nonmates if self.nonmates else None


class Reviews:
    """Gives out pairs, and takes opinions, once and for good."""

    def __init__(  # noqa: PLR0913 - what reviews are made with
        self,
        *,
        cases: CaseRows,
        reviews: ReviewRows,
        pictures: SealedPictures,
        seeds: SeededPairs,
        progress: CaseProgress,
        people: PeopleRows,
        clock: Callable[[], datetime],
    ) -> None:
        self._cases = cases
        self._reviews = reviews
        self._pictures = pictures
        self._seeds = seeds
        self._progress = progress
        self._people = people
        self._clock = clock

    def next(self, grant: Grant) -> Pair | None:
        """The next pair for this person: the one they have, or one drawn by lot. None if there is nothing to compare
        that they may; if the grant names a collection, there."""
        grant.require(Action.REVIEW)
        person, now = _reviewer(grant), self._clock()
        since, collection = now - LEFT_AFTER, grant.act.collection
        with self._cases.together():
            mine = self._reviews.assigned(person, collection, since)
            if mine is None:
                drawn = self._seeds.draw(grant.rules, self._reviews.open_pairs(person, collection, since))
                if drawn is None:
                    return None
                mine = self._reviews.assign(drawn.case_id, drawn.number, person, now)
            grant.note(case=mine.case_id, number=mine.number, review=mine.key)
        probe, candidate = self._pictures.of_pair(mine.case_id, mine.number)
        if probe is None or candidate is None:
            raise InvalidParameter(
                "The pictures of a pair cannot be decrypted: the key file is another one. Ask your administrator."
            )
        return Pair(number=mine.key, probe=probe, candidate=candidate)

    def decide(self, grant: Grant, number: int, judgement: Judgement) -> None:
        """Take this person's opinion of the pair that they were given under this number.

        The ledger's entry is their signature. Nothing is answered: neither what others said, nor what came of it.
        """
        grant.require(Action.REVIEW)
        _check(judgement)
        person, now = _reviewer(grant), self._clock()
        with self._cases.together():
            review = self._reviews.get(number, person)
            candidate = None if review is None else self._cases.candidate(review.case_id, review.number, change=True)
            if review is None or candidate is None:
                raise InvalidParameter(f"You were given no pair {number}; `regard review next` gives you one.")
            if review.opinion is not None:
                raise InvalidParameter(f"You have given your opinion of the pair {number}, and it stands.")
            if candidate.state not in UNDECIDED:
                raise InvalidParameter(f"The pair {number} was decided while you had it; take the next one.")
            self._check_still_theirs(review.case_id, person)
            self._reviews.give(number, judgement.opinion, judgement.components, judgement.reason, now)
            self._settle(candidate, now)
            grant.note(
                case=review.case_id,
                number=review.number,
                review=number,
                opinion=str(judgement.opinion),
                components=[{"name": name, "mark": str(mark)} for name, mark in judgement.components.items()],
                reason_sha256=hashlib.sha256(judgement.reason.encode()).hexdigest(),
            )
        self._seeds.refill(grant.rules, candidate.case_id)

    def rates(self, grant: Grant) -> list[ReviewerRates]:
        """Each reviewer's errors on pairs whose answer is known."""
        grant.require(Action.READ)
        found: dict[str, list[SeededResult]] = {}
        for each in self._reviews.seeded_results():
            found.setdefault(each.reviewer_id, []).append(each)
        people = {each.id: each for each in self._people.all()}
        return [_rates(each, people.get(each), results) for each, results in sorted(found.items())]

    def own_rates(self, grant: Grant) -> ReviewerRates:
        """The caller's own errors on such pairs: of whole tens, judged before today (UTC). If they were told at once,
        they would say of each pair whether its answer is known."""
        grant.require(Action.READ)
        person, today = _reviewer(grant), self._clock().replace(hour=0, minute=0, second=0, microsecond=0)
        found = self._reviews.seeded_opinions(person, today)
        told = found[: len(found) - len(found) % TOLD_BY]
        return _rates(person, self._people.person(person), told)

    def _settle(self, candidate: CaseCandidate, now: datetime) -> None:
        seeded = candidate.kind is not PairKind.CANDIDATE
        needed = 1 if seeded else self._progress.needed(candidate.case_id)
        state = verdict(self._reviews.opinions(candidate.case_id, candidate.number), needed)
        if state is candidate.state:
            return
        self._cases.decide(candidate.case_id, candidate.number, state, None if state in UNDECIDED else now)
        if not seeded:
            self._progress.settle(candidate.case_id, now)
        elif state not in UNDECIDED:
            self._seeds.end(candidate.case_id)

    def _check_still_theirs(self, case_id: str, person: str) -> None:
        """Whoever has learned about a case since they were given a pair of it is no reviewer of it any more."""
        if person in self._progress.involved(case_id):
            raise AccessDenied("You know this case otherwise, and cannot review it.")


def _check(said: Judgement) -> None:
    """Raises InvalidParameter unless it is complete, and its opinion is borne out by a mark."""
    strange = sorted(set(said.components) - set(COMPONENTS))
    if strange:
        raise InvalidParameter(f"{strange[0]} is no component of a face; these are: {', '.join(COMPONENTS)}.")
    missing = [each for each in COMPONENTS if each not in said.components]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise InvalidParameter(
            "Compare every component, and mark it similar, different or not-visible: "
            f"{', '.join(missing)} {are} missing."
        )
    needed = {Opinion.SAME: Mark.SIMILAR, Opinion.DIFFERENT: Mark.DIFFERENT}.get(said.opinion)
    if needed is not None and needed not in said.components.values():
        raise InvalidParameter(
            f"The opinion {said.opinion} needs a component that is {needed}; if none is, it is inconclusive."
        )
    check_words("the reason", said.reason)
    if not said.reason.strip() or len(said.reason) > LONGEST_REASON:
        raise InvalidParameter(f"Give the reason for your opinion, in at most {LONGEST_REASON:,} characters.")


def _reviewer(grant: Grant) -> str:
    """The natural person who reviews. Raises AccessDenied for a program, InvalidParameter where nobody is known."""
    holder = grant.mandate.holder
    if holder is None:
        raise InvalidParameter(
            f"The profile {grant.rules.name} has nothing reviewed. If a collection's own profile does, name it with "
            "--collection."
        )
    if holder.is_service:
        raise AccessDenied(f"{grant.act.operation} is refused: {holder.name} is a program, and people review.")
    return holder.person_id


def _rates(reviewer: str, person: Person | None, results: list[SeededResult]) -> ReviewerRates:
    def count(kind: PairKind, *opinions: Opinion) -> int:
        return sum(each.count for each in results if each.kind is kind and (not opinions or each.opinion in opinions))

    return ReviewerRates(
        reviewer_id=reviewer,
        name=reviewer if person is None else person.name,
        login=None if person is None else person.login,
        mates=count(PairKind.SEEDED_MATE),
        missed_mates=count(PairKind.SEEDED_MATE, Opinion.DIFFERENT),
        nonmates=count(PairKind.SEEDED_NONMATE),
        false_matches=count(PairKind.SEEDED_NONMATE, Opinion.SAME),
        inconclusive=sum(each.count for each in results if each.opinion is Opinion.INCONCLUSIVE),
    )
