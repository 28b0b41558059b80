"""How a case moves on: from its candidates' states and what else supports it to its own."""

from __future__ import annotations

from datetime import datetime

from regard.accountability.profiles.catalogue import PROFILES, named
from regard.accountability.profiles.rules import Rules
from regard.domain.cases import Case, CaseState, independent_support, state_of
from regard.errors import InvalidParameter
from regard.store.case_rows import CaseRows


class CaseProgress:
    """Settles cases. It is no door: reviews and corroborations ask it, inside their transactions."""

    def __init__(self, rows: CaseRows) -> None:
        self._rows = rows

    def needed(self, case_id: str) -> int:
        """How many reviewers must agree."""
        return self._found(case_id).reviews_needed

    def settle(self, case_id: str, now: datetime) -> CaseState:
        """Bring a case's state up to date; which it is."""
        case = self._found(case_id)
        states = [each.state for each in self._rows.candidates(case_id)]
        support = independent_support(self._rows.corroborations(case_id))
        enough = len(support) >= rules_of(case).review.corroborations
        state = state_of(states, enough)
        if state is not case.state:
            decided = None if state is CaseState.OPEN else case.decided_at or now
            self._rows.change(case_id, state, decided)
        return state

    def settle_erased(self, now: datetime) -> None:
        """Bring up to date the cases whose last undecided candidates went with their faces."""
        for case_id in self._rows.open_and_decided():
            self.settle(case_id, now)

    def involved(self, case_id: str) -> set[str]:
        """The people who know a case otherwise than by its pictures: who searched, and who corroborated it."""
        case = self._rows.find(case_id)
        if case is None:
            return set()
        theirs = {each.person_id for each in self._rows.corroborations(case_id)}
        return theirs if case.opened_by is None else theirs | {case.opened_by}

    def _found(self, case_id: str) -> Case:
        case = self._rows.find(case_id)
        if case is None or case.state is CaseState.PURGED:
            raise InvalidParameter(f"There is no case {case_id}, or it was purged.")
        return case


def rules_of(case: Case) -> Rules:
    """The profile that a case was opened under; where there is none of that name any more, the strictest of its kind
    that there is."""
    return named(case.profile) or PROFILES["public-safety"]
