"""Cases: what a searcher may learn of candidates before and after they were reviewed, and what else supports them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from regard.accountability.case_progress import CaseProgress, rules_of
from regard.accountability.gate import Grant
from regard.accountability.plain_words import check_words
from regard.accountability.sealed_pictures import CANDIDATE, PROBE, SealedPictures
from regard.accountability.sealed_ranks import SealedRanks
from regard.accountability.secret_box import SecretBox
from regard.domain.authority import Action
from regard.domain.cases import (
    UNDECIDED,
    CandidateState,
    Case,
    CaseCandidate,
    CaseState,
    Corroboration,
    RankedCandidate,
    Review,
    Search,
    independent_support,
)
from regard.domain.people import Role
from regard.errors import AccessDenied, InvalidParameter
from regard.store.case_rows import CaseRows, SearchFilter
from regard.store.review_rows import ReviewRows

#: What can support an identification. A line-up is none: its suspect was chosen by the search, and a witness may only
#: have seen the same footage.
KINDS = ("witness", "physical-evidence", "documents", "location", "statement", "communications", "other")
LINE_UP = "line-up"
#: Roles that read whole cases, all candidates in their order.
_OVERSIGHT = frozenset({Role.AUDITOR, Role.OVERSEER})
#: Roles that may list whom a collection holds.
_LISTING = frozenset({Role.ENROLLER, Role.AUDITOR})


def mark_of(case_id: str, number: int) -> tuple[str, ...]:
    """What stands on a candidate's picture that others may come to see: across it, and below."""
    return "FROM A FACE SEARCH", f"{case_id}, candidate {number}: an investigative lead.", "To be disclosed."


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """A case with what belongs to it. Reviews are in it once all is decided."""

    case: Case
    searches: list[Search]
    candidates: list[CaseCandidate]
    reviews: list[Review]
    corroborations: list[Corroboration]
    #: Numbers of candidates that cannot be reviewed, for no picture of theirs is at hand.
    without_picture: list[int] = field(default_factory=list)
    #: By number, what its search found out about each candidate that is verified.
    identified: dict[int, RankedCandidate] = field(default_factory=dict)
    #: How much else is still to support it, before anybody may act on it.
    corroborations_needed: int = 0
    #: Whether whoever asked may know who reviewed: nobody presses a reviewer whose name they do not have.
    names_reviewers: bool = False


class Cases:
    """Reads cases, and adds to them what else supports them."""

    def __init__(  # noqa: PLR0913 - what cases are read with
        self,
        *,
        rows: CaseRows,
        reviews: ReviewRows,
        pictures: SealedPictures,
        progress: CaseProgress,
        box: SecretBox,
        clock: Callable[[], datetime],
        marked: Callable[[bytes, tuple[str, ...]], bytes],
    ) -> None:
        """`marked` writes words across a picture."""
        self._rows = rows
        self._reviews = reviews
        self._pictures = pictures
        self._progress = progress
        self._ranks = SealedRanks(rows, box)
        self._clock = clock
        self._marked = marked

    def named(self, grant: Grant, collection: str, aliases: Sequence[str]) -> dict[str, tuple[Case, CaseCandidate]]:
        """The candidates that go by these aliases, as far as they are of a case of this caller's in this collection: an
        alias of another case is unknown."""
        grant.require(Action.READ, collection)
        found = self._rows.by_aliases(aliases)
        mine = [each for each in found if each[0].collection == collection and _is_theirs(grant, each[0])]
        return {candidate.alias: (case, candidate) for case, candidate in mine if case.state is not CaseState.PURGED}

    def check_listing(self, grant: Grant) -> bool:
        """Whether this caller may list whom a collection holds; otherwise, only what candidates turned out to be."""
        grant.require(grant.act.action)
        holder = grant.mandate.holder
        return holder is None or bool(holder.roles & _LISTING)

    def require_listing(self, grant: Grant) -> None:
        """Raises AccessDenied where candidates are reviewed and this caller may not list whom a collection holds."""
        if grant.reviewed and not self.check_listing(grant):
            raise AccessDenied(
                f"{grant.act.operation} is refused: a searcher sees whom a search found, once that is reviewed. Name "
                "the candidates in FaceIds of ListFaces, and nothing else."
            )

    def all(self, grant: Grant, states: Collection[CaseState] = ()) -> list[Case]:
        """This caller's cases, or everybody's for those who oversee; the newest first."""
        grant.require(Action.READ)
        found = self._rows.all(states, grant.act.collection)
        return [case for case in found if self._may_see(grant, case)]

    def show(self, grant: Grant, case_id: str) -> CaseFile:
        """One of them, with its candidates under their aliases until they are decided. Raises InvalidParameter."""
        grant.require(Action.READ)
        case = self._found(grant, case_id)
        candidates, corroborations = self._rows.candidates(case_id), self._rows.corroborations(case_id)
        pictured = {number for kind, number in self._pictures.of_case(case_id) if kind == CANDIDATE}
        grant.note(case=case_id)
        searches = self._rows.searches(case_id)
        return CaseFile(
            case=case,
            searches=searches,
            identified=self._ranks.verified(searches, candidates),
            candidates=candidates,
            reviews=[] if case.state is CaseState.OPEN else self._reviews.of_case(case_id),
            corroborations=corroborations,
            without_picture=[
                each.number for each in candidates if each.number not in pictured and each.state in UNDECIDED
            ],
            names_reviewers=_oversees(grant),
            corroborations_needed=max(
                0, rules_of(case).review.corroborations - len(independent_support(corroborations))
            ),
        )

    def searches(self, grant: Grant, before: str | None, most: int) -> list[Search]:
        """This caller's searches, or everybody's for those who oversee, also those that found nobody: the newest first,
        older than the search of the id `before`."""
        grant.require(Action.READ)
        holder, authorisation = grant.mandate.holder, grant.mandate.authorisation
        oversees = _oversees(grant)
        own = authorisation is None and not oversees
        if own and grant.person_id is None:
            return []
        chosen = SearchFilter(
            person_id=grant.person_id if own else None,
            authorisation_id=None if authorisation is None else authorisation.id,
            collection=grant.act.collection,
            undecided=holder is None or Role.REVIEWER not in holder.roles or own,
            before=before,
        )
        return self._rows.newest_searches(chosen, most)

    def pictures(self, grant: Grant, case_id: str) -> dict[tuple[str, int], bytes]:
        """The pictures of a case that this caller may see, as JPEG, by kind and number.

        All of them for those who oversee, whom the case report shows them as well. Whoever searched sees the face that
        they searched for, and verified candidates once the case is actionable, with words across them that say where
        they come from: a lead alone is shown to nobody.
        """
        grant.require(Action.READ)
        case = self._found(grant, case_id)
        grant.note(case=case_id)
        found = {} if case.state is CaseState.PURGED else self._pictures.of_case(case_id)
        if _oversees(grant):
            return found
        verified = {each.number for each in self._rows.candidates(case_id) if each.is_verified}
        shown = verified if case.state is CaseState.ACTIONABLE else set()
        return {
            (kind, number): each if kind == PROBE else self._marked(each, mark_of(case_id, number))
            for (kind, number), each in found.items()
            if kind == PROBE or number in shown
        }

    def ranked(self, grant: Grant, case_id: str) -> dict[str, list[RankedCandidate]]:
        """By search, all candidates in their order with their similarities: for those who oversee, and for reports."""
        grant.require(Action.READ)
        holder = grant.mandate.holder
        if holder is not None and not holder.roles & _OVERSIGHT:
            raise AccessDenied("The order of candidates is for auditors and the overseer.")
        self._found(grant, case_id)
        return {each.id: self.unsealed(grant, each) for each in self._rows.searches(case_id)}

    def unsealed(self, grant: Grant, search: Search) -> list[RankedCandidate]:
        """The candidates of a search, best first, for a report that may tell them. Raises InvalidParameter if they
        cannot be decrypted."""
        grant.require(Action.READ)
        return self._ranks.of(search)

    def corroborate(self, grant: Grant, case_id: str, kind: str, reference: str, *, independent: bool) -> CaseState:
        """Add what else supports an identification; what the case is then.

        `independent` declares that it does not derive from the search: only that counts. Raises InvalidParameter.
        """
        grant.require(Action.REVIEW)
        if kind not in (*KINDS, LINE_UP):
            raise InvalidParameter(f"{kind} is no kind of support; these are: {', '.join((*KINDS, LINE_UP))}.")
        check_words("the reference", reference)
        if not reference.strip() or len(reference) > 255:
            raise InvalidParameter("Say where it is recorded: a reference of at most 255 characters.")
        if independent and kind == LINE_UP:
            raise InvalidParameter(
                "A line-up does not count: the search chose its suspect, and so it derives from the search."
            )
        now = self._clock()
        with self._rows.together():
            case = self._found(grant, case_id)
            if grant.person_id is None or case.state is CaseState.PURGED:
                raise InvalidParameter(f"Nothing can be added to the case {case_id}: it was purged.")
            self._rows.corroborate(case_id, kind, reference.strip(), grant.person_id, now, independent=independent)
            state = self._progress.settle(case_id, now)
            grant.note(case=case_id, kind=kind, independent=int(independent), state=str(state))
        return state

    def line_up_picture(self, grant: Grant, case_id: str, number: int) -> bytes:
        """The picture of a verified candidate, as JPEG, to be shown to others.

        Raises AccessDenied unless the case is actionable: a lead alone is no ground for a line-up.
        """
        grant.require(Action.EXPORT)
        case = self._found(grant, case_id)
        if case.state is not CaseState.ACTIONABLE:
            missing = _missing(case, self._rows.corroborations(case_id))
            support = f" and needs {missing} more independent support" if missing > 0 else ""
            raise AccessDenied(
                f"{grant.act.operation} is refused: the case {case_id} is {case.state}{support}. What a search found "
                "is an investigative lead, and no ground for a line-up; `regard cases corroborate` adds what supports "
                "it."
            )
        candidate = self._rows.candidate(case_id, number)
        if candidate is None or candidate.state is not CandidateState.VERIFIED:
            raise AccessDenied(
                f"{grant.act.operation} is refused: the candidate {number} of {case_id} is not verified."
            )
        picture = self._pictures.of_case(case_id).get((CANDIDATE, number))
        if picture is None:
            raise InvalidParameter(f"No picture of the candidate {number} of {case_id} is at hand.")
        grant.note(case=case_id, number=number)
        return picture

    def _found(self, grant: Grant, case_id: str) -> Case:
        case = self._rows.find(case_id)
        if case is not None and rules_of(case).people and not grant.rules.people:
            raise AccessDenied(
                f"{grant.act.operation} is refused: the case {case_id} is of a collection with a profile of its own; "
                "name that with --collection."
            )
        if case is None or not self._may_see(grant, case):
            raise InvalidParameter(f"There is no case {case_id}, or it is not yours.")
        return case

    def _may_see(self, grant: Grant, case: Case) -> bool:
        if grant.act.collection not in (None, case.collection):
            return False
        if _is_theirs(grant, case):
            return True
        holder = grant.mandate.holder
        if holder is None or not _oversees(grant):
            return False
        # Whoever reviews must not know what they will be asked about.
        return Role.REVIEWER not in holder.roles or case.state is not CaseState.OPEN


def _missing(case: Case, corroborations: Sequence[Corroboration]) -> int:
    return rules_of(case).review.corroborations - len(independent_support(corroborations))


def _oversees(grant: Grant) -> bool:
    holder = grant.mandate.holder
    return holder is not None and bool(holder.roles & _OVERSIGHT)


def _is_theirs(grant: Grant, case: Case) -> bool:
    """Whether the caller searched, or acts under the authorisation that was searched under."""
    authorisation = grant.mandate.authorisation
    if authorisation is not None:
        return case.authorisation_id == authorisation.id
    return case.opened_by is not None and case.opened_by == grant.person_id
